"""Letters to an SMTP relay (RFC 5321), encrypted from the first command that matters.

A connection a letter: accounts sends few, and an instance may sleep between two of them.
"""

import asyncio
import ipaddress
import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from typing import Literal

import idna

from functions.accounts.mail import Letter, NotNow, RelayDown, Undeliverable

TIMEOUT_S = 10.0
Security = Literal["starttls", "tls", "none"]


class BadMailSettings(ValueError):
    """The relay's settings cannot work; names the one."""


@dataclass(frozen=True, slots=True)
class Relay:
    """Where letters go. `sender` is "Name <address>"; without `username` nobody signs in.

    `security`: "starttls" (port 587), "tls" from the start (465), or "none", for a relay on this
    machine only.
    """

    host: str
    port: int
    security: str
    username: str
    password: str = field(repr=False)
    sender: str

    def __post_init__(self) -> None:
        if self.security not in ("starttls", "tls", "none"):
            raise BadMailSettings("SMTP_SECURITY is starttls, tls or none")
        if self.security == "none" and not _is_here(self.host):
            raise BadMailSettings("SMTP_SECURITY=none is for a relay on this machine only")
        _, address = parseaddr(self.sender)
        if "@" not in address or any(it < " " for it in self.sender):
            raise BadMailSettings("MAIL_FROM is 'Name <address>'")


class SmtpMail:
    """`Mail` by `smtplib`, off the event loop."""

    is_on = True

    def __init__(self, relay: Relay, *, context: ssl.SSLContext | None = None) -> None:
        self._relay = relay
        self._context = context

    async def send(self, letter: Letter) -> None:
        message, to = message_of(letter, self._relay.sender, datetime.now(UTC))
        await asyncio.to_thread(self._hand_over, message, to)

    def _hand_over(self, message: EmailMessage, to: str) -> None:
        try:
            with self._connected() as relay:
                relay.send_message(message, to_addrs=[to])
        except smtplib.SMTPSenderRefused as error:
            raise RelayDown(f"the relay does not take mail from us: {error.smtp_code}") from None
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _refusal(code, said) from None
        except smtplib.SMTPNotSupportedError as error:
            # An address beyond ASCII, and a relay without SMTPUTF8 (RFC 6531).
            raise Undeliverable(f"the relay cannot take it: {error}") from None
        except smtplib.SMTPConnectError as error:
            raise RelayDown(f"the relay does not serve now: {error.smtp_code}") from None
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPServerDisconnected as error:
            raise NotNow(f"the relay hung up: {error}") from None
        except (OSError, smtplib.SMTPException) as error:
            raise RelayDown(f"the relay does not answer: {error}") from None

    def _connected(self) -> smtplib.SMTP:
        relay = self._relay
        context = self._context or ssl.create_default_context()
        if relay.security == "tls":
            connection = smtplib.SMTP_SSL(
                relay.host, relay.port, timeout=TIMEOUT_S, context=context
            )
        else:
            connection = smtplib.SMTP(relay.host, relay.port, timeout=TIMEOUT_S)
        try:
            if relay.security == "starttls":
                connection.starttls(context=context)
            if relay.username:
                connection.login(relay.username, relay.password)
        except smtplib.SMTPException as error:
            # STARTTLS not offered, or stripped by someone in between; our password refused.
            # Nothing is sent, and no letter is to blame.
            connection.close()
            raise RelayDown(f"the relay will not have us: {type(error).__name__}") from None
        except BaseException:
            connection.close()
            raise
        return connection


def message_of(letter: Letter, sender: str, at: datetime) -> tuple[EmailMessage, str]:
    """The letter as a message, and its address as the relay is told it.

    A host beyond ASCII travels in its IDNA 2008 form (RFC 5891): with the older one "faß.example"
    would be someone else's "fass.example".

    Raises:
        Undeliverable: the address has no such form.
    """
    local, _, host = letter.to.rpartition("@")
    try:
        to = Address(username=local, domain=idna.encode(host, uts46=True).decode())
        plain = letter.to.isascii() or local.isascii()
        message = EmailMessage(policy=SMTP if plain else SMTPUTF8)
        message["To"] = to
    except (ValueError, UnicodeError) as error:
        raise Undeliverable("that is no address to write to") from error
    name, address = parseaddr(sender)
    message["From"] = Address(name, addr_spec=address)
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{letter.mail_id}@{address.rpartition('@')[2]}>"
    # Nobody's holiday reply, please (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message, to.addr_spec


def _refusal(code: int, said: bytes | str) -> Undeliverable | NotNow:
    """5xx is for good (RFC 5321 §4.2.1). What the relay says may name the address: not repeated."""
    del said
    if 500 <= code < 600:
        return Undeliverable(f"the relay refuses it for good ({code})")
    return NotNow(f"the relay refuses it for now ({code})")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
