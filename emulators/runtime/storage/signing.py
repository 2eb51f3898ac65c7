"""V4 signed URLs: RSA signatures over a canonical request, checked as the service checks them.

Source: cloud.google.com/storage/docs/authentication/canonical-requests and /signatures.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import quote, unquote_to_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from emulators.runtime.storage.errors import BadRequest, PermissionDenied

ALGORITHM = "GOOG4-RSA-SHA256"
_LONGEST_S = 7 * 24 * 3600
_SKEW = timedelta(minutes=15)
_CREDENTIAL = re.compile(r"(.+)/(\d{8})/[^/]+/storage/goog4_request")


class Signed(Protocol):
    """The parts of a request that a signature covers. `query_text` and `path` are raw."""

    method: str
    path: str
    query_text: str
    query: dict[str, str]
    headers: dict[str, str]


class Verifier:
    """Verifies against the public keys that `keys()` gives: PEM by service account e-mail."""

    def __init__(self, keys: Callable[[], Mapping[str, str]]) -> None:
        self._keys = keys
        self._loaded: dict[str, RSAPublicKey] = {}

    def signer(self, request: Signed, now: datetime) -> str:
        """The e-mail of the service account that signed `request`.

        Raises:
            BadRequest: malformed or expired (400 ExpiredToken, as the service answers).
            PermissionDenied: not signed by a known account, or tampered with.
        """
        query = {key.lower(): value for key, value in request.query.items()}
        email, day = self._credential(query)
        at, expires = _times(query)
        if f"{at:%Y%m%d}" != day:
            raise _malformed("X-Goog-Date")
        if now > at + expires:
            ended = (at + expires).isoformat()
            raise BadRequest(
                "The provided token has expired.",
                code="ExpiredToken",
                details={"Details": f"Request signature expired at: {ended}"},
            )
        if at > now + _SKEW:
            raise PermissionDenied(
                "Request is not yet valid.", code="AccessDenied", details={"Details": "clock skew"}
            )
        names = query.get("x-goog-signedheaders", "").split(";")
        if "host" not in names or any(name not in request.headers for name in names):
            raise _malformed("X-Goog-SignedHeaders")
        canonical = canonical_request(request, names)
        scope = query["x-goog-credential"].partition("/")[2]
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"{ALGORITHM}\n{query['x-goog-date']}\n{scope}\n{digest}"
        key = self._key(email)
        try:
            signature = bytes.fromhex(query.get("x-goog-signature", ""))
            if key is None:
                raise InvalidSignature
            key.verify(signature, to_sign.encode(), PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            raise PermissionDenied(
                "Access denied."
                if key is None
                else "The request signature we calculated does not match the signature you "
                "provided. Check your Google secret key and signing method.",
                code="SignatureDoesNotMatch",
                details={"StringToSign": to_sign, "CanonicalRequest": canonical},
            ) from None
        return email

    def _credential(self, query: Mapping[str, str]) -> tuple[str, str]:
        if query.get("x-goog-algorithm") != ALGORITHM:
            raise _malformed("X-Goog-Algorithm")
        match = _CREDENTIAL.fullmatch(query.get("x-goog-credential", ""))
        if not match:
            raise _malformed("X-Goog-Credential")
        return match.group(1), match.group(2)

    def _key(self, email: str) -> RSAPublicKey | None:
        if email not in self._loaded:
            pem = self._keys().get(email)
            key = load_pem_public_key(pem.encode()) if pem else None
            if not isinstance(key, RSAPublicKey):
                return None
            self._loaded[email] = key
        return self._loaded[email]


def canonical_request(request: Signed, signed_headers: list[str]) -> str:
    """What was signed: method, path, query, headers, their names, payload hash; line by line."""
    pairs = []
    for part in request.query_text.split("&"):
        key, _, value = part.partition("=")
        if part and key.lower() != "x-goog-signature":
            pairs.append((_canonical(key), _canonical(value)))
    query = "&".join(f"{key}={value}" for key, value in sorted(pairs))
    headers = "".join(
        f"{name}:{' '.join(request.headers[name].split())}\n" for name in sorted(signed_headers)
    )
    payload = request.headers.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD")
    path = quote(unquote_to_bytes(request.path), safe="/~")
    return "\n".join((request.method, path, query, headers, ";".join(signed_headers), payload))


def is_signed(query: Mapping[str, str]) -> bool:
    return any(key.lower() == "x-goog-signature" for key in query)


def _times(query: Mapping[str, str]) -> tuple[datetime, timedelta]:
    try:
        at = datetime.strptime(query.get("x-goog-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _malformed("X-Goog-Date") from None
    text = query.get("x-goog-expires", "")
    if not text.isdecimal() or not 1 <= int(text) <= _LONGEST_S:
        raise _malformed("X-Goog-Expires")
    return at, timedelta(seconds=int(text))


def _malformed(parameter: str) -> BadRequest:
    return BadRequest(
        "Your request has a malformed header or parameter.",
        code="MalformedSecurityHeader",
        details={"ParameterName": parameter},
    )


def _canonical(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="~")
