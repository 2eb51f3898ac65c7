"""The adapter before relays of every mood: what is tried again, what is not, what is never said."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from functions.accounts.mail import Letter, NoMail, NotNow, RelayDown, Undeliverable
from functions.accounts.smtp import Relay, SmtpMail

LETTER = Letter("m", "ada@example.com", "Hello", "plain\n", "<p>rich</p>")


class Moody:
    """A relay that answers RCPT and DATA as told."""

    def __init__(self, rcpt: str = "250 OK", data: str = "250 OK") -> None:
        self.rcpt, self.data = rcpt, data
        self.taken: list[bytes] = []
        self.encrypted: list[bool] = []

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server, session, envelope) -> str:
        if self.data.startswith("250"):
            self.taken.append(envelope.content)
            self.encrypted.append(session.ssl is not None)
        return self.data


@asynccontextmanager
async def serving(handler: Moody, **options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(handler, hostname="localhost", loop=loop, **options)

    server = await loop.create_server(connection, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def mail(port: int, security: str = "none", user: str = "", **more: Any) -> SmtpMail:
    sender = "Segue <no-reply@segue.test>"
    return SmtpMail(Relay("localhost", port, security, user, "secret", sender), **more)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def offering(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_a_letter_is_encrypted_on_its_way(certificate: Path):
    relay = Moody()
    async with serving(relay, tls_context=offering(certificate)) as port:
        trusting = ssl.create_default_context(cafile=str(certificate))
        await mail(port, "starttls", context=trusting).send(LETTER)
    assert relay.encrypted == [True]
    assert b"To: ada@example.com\r\n" in relay.taken[0]


async def test_nothing_is_sent_to_a_relay_that_cannot_prove_who_it_is(certificate: Path):
    relay = Moody()
    async with serving(relay, tls_context=offering(certificate)) as port:
        with pytest.raises(RelayDown):
            await mail(port, "starttls").send(LETTER)
    assert relay.taken == []


async def test_nothing_is_sent_in_the_clear_when_encryption_is_not_offered():
    relay = Moody()
    async with serving(relay) as port:
        with pytest.raises((RelayDown, Undeliverable)) as refused:
            await mail(port, "starttls").send(LETTER)
    assert refused.type is RelayDown  # the letter is kept, and is not to blame
    assert relay.taken == []


async def test_a_relay_that_refuses_our_password_is_down_for_every_letter(certificate: Path):
    def refuse(server, session, envelope, mechanism, data) -> AuthResult:
        return AuthResult(success=False, handled=False)

    relay = Moody()
    options = {"tls_context": offering(certificate), "authenticator": refuse}
    async with serving(relay, **options) as port:
        trusting = ssl.create_default_context(cafile=str(certificate))
        with pytest.raises(RelayDown) as error:
            await mail(port, "starttls", "segue", context=trusting).send(LETTER)
    assert "secret" not in str(error.value)
    assert relay.taken == []


@pytest.mark.parametrize("where", ["rcpt", "data"])
@pytest.mark.parametrize(
    ("answer", "error"), [("550 no such user ada", Undeliverable), ("451 try later ada", NotNow)]
)
async def test_refusals_are_told_apart(where: str, answer: str, error: type[Exception]):
    async with serving(Moody(**{where: answer})) as port:
        with pytest.raises(error) as refused:
            await mail(port).send(LETTER)
    assert "ada" not in str(refused.value)  # it goes to the log


async def test_an_address_that_the_relay_cannot_write_is_dropped():
    async with serving(Moody()) as port:  # without SMTPUTF8
        with pytest.raises(Undeliverable):
            await mail(port).send(Letter("m", "ü@example.com", "s", "t\n", "<p>t</p>"))


async def test_a_relay_that_is_not_there_is_down():
    async with serving(Moody()) as port:
        pass
    with pytest.raises(RelayDown):
        await mail(port).send(LETTER)


async def test_without_a_relay_nothing_is_sent():
    assert not NoMail().is_on
    with pytest.raises(RelayDown, match="segue:smtpHost"):
        await NoMail().send(LETTER)
