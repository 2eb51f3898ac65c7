"""The key that signs access tokens, and the public half that everyone may fetch."""

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

    @classmethod
    def from_pem(cls, pem: str) -> "Signer":
        """Read a PEM private key.

        Raises:
            ValueError: not a private key on P-256.
        """
        key = ECKey.import_key(pem)
        if not key.is_private or key.curve_name != "P-256":
            raise ValueError("JWT_SIGNING_KEY is not a private key on P-256")
        return cls(key, key.thumbprint())

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A JWT of `claims`, typed `at+jwt` (RFC 9068)."""
        header = {"alg": "ES256", "kid": self.kid, "typ": "at+jwt"}
        return jwt.encode(header, dict(claims), self.key)

    def jwks(self) -> dict[str, Any]:
        """The public key as a JWKS (RFC 7517)."""
        public = self.key.as_dict(private=False)
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "ES256"}]}
