"""Redirect URIs that may be registered. Requests then match one of them exactly (RFC 9700 §2.1)."""

import re
from urllib.parse import SplitResult, urlsplit

from shared.errors import Invalid

MAX_CHARS = 500
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_CHARS = re.compile(r"[!-~]+")
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
"""Reverse domain names, as RFC 8252 §7.1 asks: `com.example.app`."""


def check_redirect_uri(uri: str) -> str:
    """`uri`, if it is https, http to this very machine, or an application's private scheme.

    Raises:
        Invalid: anything else, such as `javascript:`, a fragment, a user, a wildcard
            (code INVALID_REDIRECT_URI).
    """
    parts = _split(uri)
    if parts is None or "#" in uri or "*" in uri or "\\" in uri or "@" in parts.netloc:
        raise Invalid(f"not a redirect URI: {uri[:80]!r}", code="INVALID_REDIRECT_URI")
    if parts.scheme == "https" and parts.hostname:
        return uri
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return uri
    if _PRIVATE_SCHEME.fullmatch(parts.scheme) and (parts.path or parts.netloc):
        return uri
    raise Invalid(
        "a redirect URI is https, http on 127.0.0.1, or a private scheme such as com.example.app:/",
        code="INVALID_REDIRECT_URI",
    )


def origin_of(uri: str) -> str:
    """The source expression that lets a form end there (CSP `form-action`), e.g.
    `https://app.example:8443`, or `com.example.app:` for a private scheme."""
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"


def _split(uri: str) -> SplitResult | None:
    if len(uri) > MAX_CHARS or not _CHARS.fullmatch(uri):
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port  # raises when it is no number
    except ValueError:
        return None
    return parts
