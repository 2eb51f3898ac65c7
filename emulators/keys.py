"""Local stand-ins for the stack's secrets, made once per data directory."""

import base64
import json
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def stack_secrets(data_dir: Path) -> dict[str, str]:
    """Values for the secret configuration keys; kept in `<data>/keys/secrets.json`.

    A directory made before one of them existed gets that one, and keeps the others.
    """
    path = data_dir / "keys" / "secrets.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    made = {**_made(), **known}
    if made != known:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(made))
        part.chmod(0o600)
        part.replace(path)
    return made


def _made() -> dict[str, str]:
    signing = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "segue:jwtSigningKey": signing.decode(),
        # Cloud CDN: 128 bits, base64url with padding.
        "segue:cdnSigningKey": base64.urlsafe_b64encode(secrets.token_bytes(16)).decode(),
        "segue:bootstrapClientSecret": secrets.token_hex(32),
        "segue:billingWebhookSecret": "whsec_" + secrets.token_hex(32),
        "segue:serviceKey": secrets.token_hex(32),
        # 256 bits, base64url with padding.
        "segue:appPasswordKey": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }
