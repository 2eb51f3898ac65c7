"""What tests of HTTP services share: tokens as accounts and Google issue them, and a client."""

import base64
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from shared.events import encode, topic_of
from shared.web.keys import StaticKeys
from shared.web.principal import Verifier
from shared.web.push import Caller

PUBLIC_URL = "https://segue.test"
AUDIENCE = "segue-under-test"
PUSHER = "segue-push@project.iam.gserviceaccount.com"
LIVES_S = 6 * 3600
"""Longer than any run of all tests: some tokens are made when tests are collected."""
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Clock:
    """The time of a test; `clock()` reads it."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **delta: float) -> None:
        self.at += timedelta(**delta)


@dataclass
class Tokens:
    """Access tokens as accounts signs them."""

    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))

    @property
    def kid(self) -> str:
        return self.key.thumbprint()

    def claims(self, scope: str = "streaming", **changes: Any) -> dict[str, Any]:
        claims = {
            "iss": PUBLIC_URL,
            "aud": "segue",
            "sub": "listener",
            "client_id": "app",
            "iat": int(time.time()),
            "exp": int(time.time()) + LIVES_S,
            "jti": "1",
            "scope": scope,
            "plan": "premium",
            "territory": "SE",
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        return jwt.encode({"alg": "ES256", "kid": self.kid, **header}, claims, self.key)

    def bearer(self, scope: str = "streaming", **changes: Any) -> dict[str, str]:
        return {"authorization": f"Bearer {self.sign(self.claims(scope, **changes))}"}

    def verifier(self) -> Verifier:
        return Verifier(StaticKeys({self.kid: self.key}), PUBLIC_URL)


@dataclass
class Pushes:
    """Pub/Sub and Cloud Scheduler as they call a service."""

    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048))

    def caller(self) -> Caller:
        return Caller(StaticKeys({"google": self.key}), AUDIENCE, PUSHER)

    def bearer(self, **changes: Any) -> dict[str, str]:
        claims = {
            "iss": "https://accounts.google.com",
            "aud": AUDIENCE,
            "sub": "1",
            "email": PUSHER,
            "email_verified": True,
            "exp": int(time.time()) + LIVES_S,
            **changes,
        }
        token = jwt.encode({"alg": "RS256", "kid": "google"}, claims, self.key)
        return {"authorization": f"Bearer {token}"}

    async def push(self, client: httpx.AsyncClient, event: Any) -> httpx.Response:
        path = f"/_events/{topic_of(event)}"
        return await client.post(path, content=envelope(encode(event)), headers=self.bearer())


def envelope(data: bytes) -> bytes:
    """A Pub/Sub push request's body."""
    message = {"data": base64.b64encode(data).decode(), "messageId": "1", "attributes": {}}
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode()


def client_of(app: FastAPI) -> httpx.AsyncClient:
    """A client that talks to `app` in this process. Exceptions that escape fail the test."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC_URL)


@dataclass
class Published:
    """A publisher that remembers; `broken` makes it refuse."""

    events: list[Any] = field(default_factory=list)
    broken: Exception | None = None

    async def __call__(self, event: Any) -> None:
        if self.broken is not None:
            raise self.broken
        encode(event)  # what cannot be encoded cannot be published
        self.events.append(event)


@contextlib.contextmanager
def served_by_thread(app_at: Callable[[str], FastAPI]) -> Iterator[str]:
    """The address of an app that a thread serves, for clients that know sockets alone; the app is
    what `app_at(address)` gives."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        host = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app_at(host), log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield host
        finally:
            server.should_exit = True
            thread.join(20)


NOT_OBJECTS = (b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"[" * 100_000)
"""Bodies that are no JSON object."""

BAD_IDS = (
    "x",
    "a" * 21,
    "a" * 23,
    "ä" * 22,
    "a" * 21 + "%00",
    "a" * 21 + "%0a",
    "..%2f" + "a" * 17,
)
"""Path segments that are no id."""


def code_of(response: httpx.Response) -> str:
    """The stable code of an error, whichever path it is of (`shared.web.dialect`)."""
    error = response.json()["error"]
    return error["code"] if "code" in error else error["reason"]
