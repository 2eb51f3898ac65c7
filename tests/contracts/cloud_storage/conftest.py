"""Where the Cloud Storage contract is checked: our own server, or any endpoint that is named.

SEGUE_STORAGE_ENDPOINT  e.g. http://127.0.0.1:9000 (an emulator) or https://storage.googleapis.com
SEGUE_STORAGE_BUCKET    an existing bucket to use; else one is made, and deleted at the end
SEGUE_STORAGE_SIGNER    key file of a service account, for signed URLs (else those are skipped)
"""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import default as default_credentials
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.oauth2 import service_account

from emulators.runtime.storage.standalone import Standalone

SIGNER = "signer@contract.iam.gserviceaccount.com"


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory, key: rsa.RSAPrivateKey) -> Iterator[str]:
    if named := os.environ.get("SEGUE_STORAGE_ENDPOINT"):
        yield named.rstrip("/")
        return
    data = tmp_path_factory.mktemp("storage")
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (data / "keys").mkdir()
    (data / "keys" / "service-accounts.json").write_text(json.dumps({SIGNER: public.decode()}))
    with Standalone(data) as server:
        yield server.url


@pytest.fixture(scope="session")
def client(endpoint: str) -> Iterator[storage.Client]:
    real = endpoint.startswith("https://")
    credentials = default_credentials()[0] if real else AnonymousCredentials()
    client = storage.Client(
        project="contract", credentials=credentials, client_options={"api_endpoint": endpoint}
    )
    yield client
    client.close()


@pytest.fixture(scope="session")
def bucket(client: storage.Client) -> Iterator[storage.Bucket]:
    if named := os.environ.get("SEGUE_STORAGE_BUCKET"):
        yield client.bucket(named)
        return
    bucket = client.create_bucket(f"segue-contract-{uuid.uuid4().hex[:12]}")
    yield bucket
    for blob in client.list_blobs(bucket):
        blob.delete()
    bucket.delete()


@pytest.fixture
def prefix() -> str:
    """Every test has a folder of its own, so that the suite may share a bucket."""
    return f"contract/{uuid.uuid4().hex}/"


@pytest.fixture
def blob(bucket: storage.Bucket, prefix: str) -> storage.Blob:
    """A name that nothing is at yet."""
    return bucket.blob(f"{prefix}object")


@pytest.fixture(scope="session")
def signer(key: rsa.RSAPrivateKey) -> service_account.Credentials:
    if path := os.environ.get("SEGUE_STORAGE_SIGNER"):
        return service_account.Credentials.from_service_account_file(Path(path))
    if os.environ.get("SEGUE_STORAGE_ENDPOINT"):
        pytest.skip("needs SEGUE_STORAGE_SIGNER, a service account's key file")
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    info = {
        "type": "service_account",
        "client_email": SIGNER,
        "private_key": pem.decode(),
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return service_account.Credentials.from_service_account_info(info)


@pytest.fixture
def sign(
    endpoint: str, signer: service_account.Credentials, blob: storage.Blob
) -> Callable[..., str]:
    """`sign(method=…, **more)` gives a V4 signed URL of `blob`."""

    def signed(expiration: object = 600, **more: object) -> str:
        return blob.generate_signed_url(
            version="v4",
            expiration=expiration,  # pyright: ignore[reportArgumentType]
            credentials=signer,
            api_access_endpoint=endpoint,
            **more,  # pyright: ignore[reportArgumentType]
        )

    return signed
