"""Cloud CDN signatures: one URL, a folder of URLs (URLPrefix) or a cookie, signed and verified.

Three forms, all HMAC-SHA1 with a 128-bit key, base64url with its padding kept:

    URL      https://h/a.mp3?Expires=E&KeyName=K&Signature=S          signs the URL up to K
    prefix   URLPrefix=P&Expires=E&KeyName=K&Signature=S              signs the query up to K
    cookie   Cloud-CDN-Cookie=URLPrefix=P:Expires=E:KeyName=K:Signature=S   joined with ":"

The signature's parameters come last and in this order. A prefix is compared as text, so
`…/t/1` would also open `…/t/10`: only a prefix that ends in "/" is signed or accepted here.

Source: https://cloud.google.com/cdn/docs/using-signed-urls and …/using-signed-cookies
"""

import re
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Literal

from shared.errors import Forbidden, Invalid

COOKIE = "Cloud-CDN-Cookie"
KEY_BYTES = 16
_TO_B64URL = bytes.maketrans(b"+/", b"-_")
_KEY_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_PREFIX = re.compile(r"https?://[^/?#\s]+/(?:[^?#\s]*/)?")
_URL = re.compile(r"https?://[^/?#\s]+/[^#\s]*")
_SIGNED_URL = re.compile(
    r"Expires=([0-9]{1,12})&KeyName=([A-Za-z0-9_-]{1,63})&Signature=([A-Za-z0-9_-]{27}=)"
)
_SIGNED_PREFIX, _SIGNED_COOKIE = (
    re.compile(
        r"(URLPrefix=([A-Za-z0-9_-]+={0,2})JExpires=([0-9]{1,12})JKeyName=([A-Za-z0-9_-]{1,63}))"
        r"JSignature=([A-Za-z0-9_-]{27}=)".replace("J", joint)
    )
    for joint in "&:"
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A signed-request key by its name. Cloud CDN holds at most three for each backend."""

    name: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KEY_NAME.fullmatch(self.name):
            raise Invalid(f"not a key name: {self.name!r}", code="CDN_KEY_INVALID")
        if len(self.secret) != KEY_BYTES:
            raise Invalid(f"key {self.name} is not {KEY_BYTES} bytes", code="CDN_KEY_INVALID")

    @classmethod
    def parse(cls, name: str, text: str) -> "SigningKey":
        """Read the base64url text that Secret Manager and the backend hold.

        Raises:
            Invalid: CDN_KEY_INVALID.
        """
        try:
            return cls(name, urlsafe_b64decode(text.strip()))
        except (Base64Error, ValueError) as error:
            raise Invalid(f"key {name} is not base64url", code="CDN_KEY_INVALID") from error


def key_ring(*keys: SigningKey) -> dict[str, SigningKey]:
    """Live keys by name: during a rotation both the old and the new one verify."""
    return {key.name: key for key in keys}


@dataclass(frozen=True, slots=True)
class Signed:
    """What a valid signature says: the form, who signed, until when, and the bare URL.

    `url` is the request without the signature's parameters, hence the same for every
    signature; `prefix` is None in the URL form. `expires_at` in Unix seconds, UTC.
    """

    form: Literal["url", "prefix", "cookie"]
    url: str
    prefix: str | None
    key_name: str
    expires_at: int


def sign_url(url: str, key: SigningKey, expires_at: int) -> str:
    """Give `url`, absolute and without fragment, signed until `expires_at` (Unix seconds).

    Raises:
        Invalid: CDN_URL_INVALID.
    """
    if not _URL.fullmatch(url):
        raise Invalid(f"not an absolute http(s) URL: {url!r}", code="CDN_URL_INVALID")
    text = f"{url}{'&' if '?' in url else '?'}Expires={expires_at}&KeyName={key.name}"
    return f"{text}&Signature={_signature(key, text)}"


def sign_prefix(prefix: str, key: SigningKey, expires_at: int) -> str:
    """Give the query string that opens every URL under `prefix`, e.g. `https://h/audio/id/`.

    Append it to any URL below the prefix with "?" or "&".

    Raises:
        Invalid: CDN_PREFIX_NOT_A_FOLDER.
    """
    text = f"URLPrefix={_encode_prefix(prefix)}&Expires={expires_at}&KeyName={key.name}"
    return f"{text}&Signature={_signature(key, text)}"


def sign_cookie(prefix: str, key: SigningKey, expires_at: int) -> str:
    """Give the value of the cookie named `COOKIE` that opens every URL under `prefix`.

    Raises:
        Invalid: CDN_PREFIX_NOT_A_FOLDER.
    """
    text = f"URLPrefix={_encode_prefix(prefix)}:Expires={expires_at}:KeyName={key.name}"
    return f"{text}:Signature={_signature(key, text)}"


def verify(url: str, cookie: str | None, keys: Mapping[str, SigningKey], at: int) -> Signed | None:
    """Check the request for `url` at `at` (Unix seconds): None if it carries no signature.

    `cookie` is the value of `COOKIE`; a signature in the query goes before it.

    Raises:
        Forbidden: CDN_SIGNATURE_MALFORMED, CDN_KEY_UNKNOWN, CDN_SIGNATURE_MISMATCH,
            CDN_PREFIX_NOT_A_FOLDER, CDN_PREFIX_MISMATCH or CDN_SIGNATURE_EXPIRED.
    """
    if "&Signature=" in url or "?Signature=" in url:
        prefixed = "&URLPrefix=" in url or "?URLPrefix=" in url
        return (verify_prefix if prefixed else verify_url)(url, keys, at)
    if cookie is not None:
        return verify_cookie(url, cookie, keys, at)
    return None


def verify_url(url: str, keys: Mapping[str, SigningKey], at: int) -> Signed:
    """Check the URL form; errors as for `verify`."""
    base, start = _split(url, "Expires=")
    expires, name, signature = _parse(_SIGNED_URL, url, start).groups()
    _check(keys, name, url[: -len("&Signature=") - len(signature)], signature)
    return Signed("url", base, None, name, _unexpired(expires, at))


def verify_prefix(url: str, keys: Mapping[str, SigningKey], at: int) -> Signed:
    """Check the URLPrefix form; errors as for `verify`."""
    base, start = _split(url, "URLPrefix=")
    signed, prefix, expires, name, signature = _parse(_SIGNED_PREFIX, url, start).groups()
    _check(keys, name, signed, signature)
    return Signed("prefix", base, _covering(prefix, base), name, _unexpired(expires, at))


def verify_cookie(url: str, cookie: str, keys: Mapping[str, SigningKey], at: int) -> Signed:
    """Check the cookie form for `url`; errors as for `verify`."""
    signed, prefix, expires, name, signature = _parse(_SIGNED_COOKIE, cookie, 0).groups()
    _check(keys, name, signed, signature)
    return Signed("cookie", url, _covering(prefix, url), name, _unexpired(expires, at))


def _signature(key: SigningKey, text: str) -> str:
    return _b64url(hmac_digest(key.secret, text.encode(), "sha1"))


def _b64url(raw: bytes) -> str:
    # base64.urlsafe_b64encode in one step less: it runs on every play.
    return b2a_base64(raw, newline=False).translate(_TO_B64URL).decode("ascii")


def _encode_prefix(prefix: str) -> str:
    if not _PREFIX.fullmatch(prefix):
        raise Invalid(
            f"a URLPrefix is http(s)://host/…/ with a slash at its end, not {prefix!r}",
            code="CDN_PREFIX_NOT_A_FOLDER",
        )
    return _b64url(prefix.encode())


def _split(url: str, parameter: str) -> tuple[str, int]:
    """The URL before its last `parameter`, and where that starts."""
    start = url.rfind(parameter)
    if start < 1 or url[start - 1] not in "?&":
        raise Forbidden("the signature is malformed", code="CDN_SIGNATURE_MALFORMED")
    return url[: start - 1], start


def _parse(form: re.Pattern[str], text: str, start: int) -> re.Match[str]:
    found = form.fullmatch(text, start)
    if found is None:
        raise Forbidden("the signature is malformed", code="CDN_SIGNATURE_MALFORMED")
    return found


def _check(keys: Mapping[str, SigningKey], name: str, signed: str, signature: str) -> None:
    key = keys.get(name)
    if key is None:
        raise Forbidden(f"no key is named {name}", code="CDN_KEY_UNKNOWN")
    # Text is compared, not decoded bytes: the last base64 digit has bits to spare.
    if not compare_digest(_signature(key, signed), signature):
        raise Forbidden("the signature does not match", code="CDN_SIGNATURE_MISMATCH")


def _covering(encoded: str, url: str) -> str:
    prefix = _decode_prefix(encoded)
    if not url.startswith(prefix):
        raise Forbidden("the URLPrefix does not cover this URL", code="CDN_PREFIX_MISMATCH")
    return prefix


@lru_cache(maxsize=4096)  # a listener's requests repeat theirs
def _decode_prefix(encoded: str) -> str:
    try:
        prefix = urlsafe_b64decode(encoded).decode()
    except ValueError as error:
        raise Forbidden("the URLPrefix is malformed", code="CDN_SIGNATURE_MALFORMED") from error
    if not _PREFIX.fullmatch(prefix):
        raise Forbidden("the URLPrefix is not a folder", code="CDN_PREFIX_NOT_A_FOLDER")
    return prefix


def _unexpired(expires: str, at: int) -> int:
    expires_at = int(expires)
    if expires_at <= at:
        raise Forbidden("the signature has expired", code="CDN_SIGNATURE_EXPIRED")
    return expires_at
