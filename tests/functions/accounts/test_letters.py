"""What mails say and how they are addressed, whoever chose the names and addresses in them."""

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.accounts import letters, users
from functions.accounts.mail import Letter, Undeliverable
from functions.accounts.outbox import Errand
from functions.accounts.smtp import BadMailSettings, Relay, message_of
from functions.accounts.users import User, parse_email
from shared.errors import Invalid
from tests.web import NOW, PUBLIC_URL

SENDER = "Segue <no-reply@segue.test>"
KINDS = ("confirm", "reset", "password-changed", "address-changed")
USER = users.sign_up("u", "ada@example.com", "Ada", "", "SE", NOW)


class Words(HTMLParser):
    """The words of a page and where its links go."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.links, self.tags = "", set(), set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links |= {value for name, value in attrs if name in ("href", "src", "action")}

    def handle_data(self, data: str) -> None:
        self.text += data


def written(kind: str, user: User = USER, to: str = "ada@example.com") -> Letter:
    errand = Errand("m", kind, to, (user.user_id,), NOW, NOW, NOW + timedelta(days=1))
    return letters.write(errand, user, PUBLIC_URL, "s" * 43)


@pytest.mark.parametrize("kind", KINDS)
def test_both_parts_say_the_same_and_link_to_us_alone(kind: str):
    letter = written(kind)
    page = Words(letter.html)
    for line in letter.text.split("\n"):
        if line and not line.startswith(("http", "-- ")) and not line.endswith(":"):
            assert line in page.text
    assert all(it.startswith(f"{PUBLIC_URL}/account/") for it in page.links)
    assert page.links <= set(letter.text.split())
    assert not page.tags & {"script", "img", "form", "iframe", "style"}
    assert "{" not in letter.text


@pytest.mark.parametrize(
    "name",
    [
        "http://evil.example", "evil.example", "Ada <b>x</b>", "Ada\u202emoc",
        "Click www evil com now",
        "Ada\r\nBcc: x@example.com", "ada@evil.example", "1234 5678", "'\"><script>", "A" * 41, "​",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_name_stands_in_no_mail(kind: str, name: str):
    user = replace(USER, display_name=name, email_verified_at=NOW)
    letter = written(kind, user)
    assert letter.text.startswith("Hello,\n")
    assert name not in letter.text
    assert name not in letter.html


def test_a_plain_name_greets_at_a_confirmed_address_only():
    for name in ("Ada", "Åsa-Märta O’Neill", "李 小龍"):
        user = replace(USER, display_name=name, email_verified_at=NOW)
        assert written("reset", user).text.startswith(f"Hello {name},")
        assert written("reset", replace(user, email_verified_at=None)).text.startswith("Hello,")
        assert written("confirm", user, "new@example.com").text.startswith("Hello,")


@pytest.mark.parametrize(
    "email",
    [
        "a@example.com\r\nBcc: x@example.com", "a@example.com\nX: y", "a,b@example.com",
        '"a b"@example.com', "<a@example.com>", "a@example.com>", "a@[127.0.0.1]", "a@ex,ample.com",
        "a;b@example.com", "a@example.com\x00", "a\u2028b@example.com", "a\u200bb@example.com",
        "a\u202eb@example.com", "a\ud800@example.com", "a@b@example.com", ".a@example.com",
        "a..b@example.com", "a@example..com", "a@localhost",
        "Ada a@example.com", "x" * 65 + "@e.com",
    ],
)  # fmt: skip
def test_what_could_mean_more_than_one_address_is_none(email: str):
    with pytest.raises(Invalid):
        parse_email(email)


@pytest.mark.parametrize(
    "email", ["a@example.com", "a+tag@example.co.uk", "o'neill@example.com", "ü@bücher.example"]
)
def test_real_addresses_are_taken(email: str):
    assert parse_email(email.upper()) == email


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=60))
def test_no_text_adds_a_header_or_a_receiver(local: str, host: str, subject: str):
    letter = Letter("m", f"{local}@{host}", subject, "text\n", "<p>text</p>")
    try:
        message, to = message_of(letter, SENDER, NOW)
        wire = message.as_bytes()
    except (Undeliverable, UnicodeEncodeError):
        return
    head = wire.split(b"\r\n\r\n")[0]
    read = message_from_bytes(head + b"\r\n\r\n", policy=default)
    expected = {
        "to", "from", "subject", "date", "message-id", "auto-submitted", "mime-version",
        "x-auto-response-suppress", "content-type",
    }  # fmt: skip
    assert {it.lower() for it in read} == expected
    assert not set(to) & {"\n", "\r"}


def test_a_host_beyond_ascii_is_written_as_idna_2008():
    letter = Letter("m", "ada@faß.example", "s", "t\n", "<p>t</p>")
    message, to = message_of(letter, SENDER, NOW)
    assert to == "ada@xn--fa-hia.example"  # and not fass.example, which is someone else's
    assert message["To"] == to


@pytest.mark.parametrize("host", ["-x.example", "xn--zzzzzz.example", "a" * 64 + ".example", ""])
def test_a_host_that_cannot_be_is_not_written_to(host: str):
    with pytest.raises(Undeliverable):
        message_of(Letter("m", f"ada@{host}", "s", "t\n", "<p>t</p>"), SENDER, NOW)


def test_a_message_says_who_sends_it_and_that_nobody_needs_to_answer():
    message, _ = message_of(written("reset"), SENDER, NOW)
    assert message["From"] == SENDER
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == "<m@segue.test>"
    assert message["Date"] == "Sun, 01 Mar 2026 12:00:00 +0000"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("security", "ssl3"), ("security", "none"), ("sender", "nobody"),
        ("sender", "a@b.example\r\nBcc: x@example.com"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_at_the_start(setting: str, value: str):
    relay = Relay("relay.example", 587, "starttls", "u", "p", SENDER)
    with pytest.raises(BadMailSettings):
        replace(relay, **{setting: value})


def test_the_password_is_not_shown():
    assert "hunter2" not in repr(Relay("relay.example", 587, "starttls", "u", "hunter2", SENDER))
