"""The key that signs access tokens, and the public halves that everyone may fetch.

Two keys are live while one replaces the other (docs/operations.md, "Rotating the signing key"):
the one that signs, and one that only verifies, next before the turn and previous after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with ES256 (ECDSA on P-256). `kid` is the key's RFC 7638 thumbprint."""

    key: ECKey
    kid: str
    other: ECKey | None = None

    @classmethod
    def from_pem(cls, pem: str, other_pem: str = "") -> "Signer":
        """Read a PEM private key, and another live one (public or private) where there is one.

        Raises:
            ValueError: not a private key on P-256, or the other is not on P-256.
        """
        key = ECKey.import_key(pem)
        if not key.is_private or key.curve_name != "P-256":
            raise ValueError("JWT_SIGNING_KEY is not a private key on P-256")
        other = ECKey.import_key(other_pem) if other_pem.strip() else None
        if other is not None and other.curve_name != "P-256":
            raise ValueError("JWT_OTHER_KEY is not a key on P-256")
        return cls(key, key.thumbprint(), other)

    @property
    def live(self) -> dict[str, ECKey]:
        """Every key that a token may be signed with, by id."""
        keys = {self.kid: self.key}
        if self.other is not None:
            keys[self.other.thumbprint()] = self.other
        return keys

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A JWT of `claims`, typed `at+jwt` (RFC 9068)."""
        header = {"alg": "ES256", "kid": self.kid, "typ": "at+jwt"}
        return jwt.encode(header, dict(claims), self.key)

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JWKS (RFC 7517)."""
        return {
            "keys": [
                {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": "ES256"}
                for kid, key in self.live.items()
            ]
        }
