"""What our mails say, in plain text and in HTML from the same words. Pure.

Nothing that a stranger chose stands in a letter, but a plain name, and only to an address that its
owner has confirmed: else whoever signs up with your address could write to you through us.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import urlencode

from functions.accounts.mail import Letter
from functions.accounts.outbox import Errand
from functions.accounts.users import User

_PLAIN_NAME = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+){0,3}")
"""Words of letters alone: no address, no digits, nothing that a mail program makes a link of."""
PATHS = {"confirm": "/account/confirm", "reset": "/account/reset"}


@dataclass(frozen=True, slots=True)
class _Words:
    subject: str
    before: tuple[str, ...]
    button: str = ""
    after: tuple[str, ...] = ()


_NOT_YOU = "If that was not you, set a new password now: it signs everybody out."
_WORDS: Mapping[str, _Words] = {
    "confirm": _Words(
        "Confirm your email address",
        ("Someone, hopefully you, gave this address for a Segue account on {host}.",),
        "Confirm the address",
        (
            "The link works once, and for 3 days.",
            "If it was not you, do nothing: without you the address stays unconfirmed.",
        ),
    ),
    "reset": _Words(
        "Set a new password",
        (
            "On {asked} someone, hopefully you, asked for a new password for your Segue account "
            "on {host}.",
        ),
        "Choose a new password",
        (
            "The link works once, and for an hour.",
            "If it was not you, do nothing: your password stays as it is.",
        ),
    ),
    "password-changed": _Words(
        "Your password was changed",
        (
            "On {asked} the password of your Segue account on {host} was changed, and every "
            "device was signed out.",
            "If that was you, there is nothing to do.",
            _NOT_YOU,
        ),
        "Set a new password",
    ),
    "address-changed": _Words(
        "Your account has another email address now",
        (
            "On {asked} your Segue account on {host} was given another email address. "
            "From now on we write there, and no longer here.",
            "If that was you, there is nothing to do. If it was not, someone knows your password: "
            "tell those who run {host}, and use that password nowhere else.",
        ),
    ),
}


def write(errand: Errand, user: User, issuer: str, secret: str) -> Letter:
    """The letter of an errand to `user`. `secret` goes into its link, where it has one."""
    words = _WORDS[errand.kind]
    known = {"host": issuer.partition("://")[2], "asked": _instant(errand.asked_at)}
    before = [_greeting(user, errand.to), *(it.format_map(known) for it in words.before)]
    after = [it.format_map(known) for it in words.after]
    link = _link(errand.kind, issuer, secret) if words.button else ""
    button = [f"{words.button}:\n{link}"] if link else []
    signature = f"Segue · {issuer}"
    return Letter(
        errand.mail_id,
        errand.to,
        words.subject,
        "\n\n".join([*before, *button, *after, f"-- \n{signature}"]) + "\n",
        _html(words.subject, before, words.button, link, after, signature),
    )


def _link(kind: str, issuer: str, secret: str) -> str:
    if kind in PATHS:
        return f"{issuer}{PATHS[kind]}?{urlencode({'token': secret})}"
    return f"{issuer}/account/forgot"


def _greeting(user: User, to: str) -> str:
    known = user.email_verified_at is not None and user.email == to
    if known and len(user.display_name) <= 40 and _PLAIN_NAME.fullmatch(user.display_name):
        return f"Hello {user.display_name},"
    return "Hello,"


def _instant(at: datetime) -> str:
    return f"{at.day} {at:%B %Y} at {at:%H:%M} UTC"


_P = '<p style="margin:0 0 16px">{}</p>'
_BUTTON = (
    '<p style="margin:24px 0"><a href="{link}" style="display:inline-block;padding:12px 20px;'
    "background:#0a6b56;color:#ffffff;border-radius:8px;text-decoration:none;font-weight:bold"
    '">{label}</a></p><p style="margin:0 0 16px;font-size:14px;color:#625e57">'
    'Or copy this address into your browser:<br><a href="{link}" style="color:#0a6b56;'
    'word-break:break-all">{link}</a></p>'
)
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title></head>
<body style="margin:0;padding:24px 12px;background:#f5f4f1;color:#1b1a18;\
font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;\
font-size:16px;line-height:1.5">
<div style="max-width:480px;margin:0 auto;padding:28px;background:#ffffff;\
border:1px solid #d5d1c8;border-radius:12px">
<h1 style="margin:0 0 16px;font-size:22px;line-height:1.25">{title}</h1>
{body}
<p style="margin:24px 0 0;padding-top:16px;border-top:1px solid #d5d1c8;\
font-size:14px;color:#625e57">{signature}</p>
</div>
</body>
</html>
"""


def _html(
    title: str, before: list[str], label: str, link: str, after: list[str], signature: str
) -> str:
    button = _BUTTON.format(link=escape(link), label=escape(label)) if link else ""
    body = "\n".join(
        [
            *(_P.format(escape(it)) for it in before),
            *([button] if button else []),
            *(_P.format(escape(it)) for it in after),
        ]
    )
    return _PAGE.format(title=escape(title), body=body, signature=escape(signature))
