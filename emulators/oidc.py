"""The local stand-in for Google's token issuer: ID tokens for service accounts, and its JWKS."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

ISSUER = "https://accounts.google.com"
LIFETIME_S = 3600


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs ID tokens as Google's would look (RS256, `email`, `email_verified`)."""

    key: RSAKey

    @classmethod
    def load(cls, data_dir: Path) -> "Issuer":
        """The issuer of this data directory; its key is made on first use."""
        path = data_dir / "keys" / "oidc.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            key = RSAKey.generate_key(2048, parameters={"use": "sig", "alg": "RS256"})
            key.ensure_kid()
            part = path.with_suffix(".part")
            part.write_text(json.dumps(key.as_dict(private=True)))
            part.chmod(0o600)
            part.replace(path)
        return cls(RSAKey.import_key(json.loads(path.read_text())))

    def token(self, email: str, audience: str, now: float | None = None) -> str:
        """An ID token for service account `email`, valid for an hour."""
        at = int(time.time() if now is None else now)
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "sub": email,
            "azp": email,
            "email": email,
            "email_verified": True,
            "iat": at,
            "exp": at + LIFETIME_S,
        }
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def certs(self) -> dict:
        """The public keys as a JWKS."""
        return dict(KeySet([self.key]).as_dict(private=False))

    def email_of(self, token: str, audience: str) -> str:
        """The account that `token` proves, for `audience`.

        Raises:
            ValueError: tampered, expired, of another issuer or for another audience.
        """
        try:
            claims = jwt.decode(token, self.key, algorithms=["RS256"]).claims
            registry = jwt.JWTClaimsRegistry(
                iss={"essential": True, "value": ISSUER},
                aud={"essential": True, "value": audience},
                exp={"essential": True},
            )
            registry.validate(claims)
        except Exception as error:
            raise ValueError(f"ID token refused: {error}") from error
        return claims["email"]
