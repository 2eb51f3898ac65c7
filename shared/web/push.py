"""Events and tasks in: Pub/Sub pushes on /_events/{topic}, the scheduler on /_tasks/{name}.

Both carry an OIDC token of one service account, checked here besides Cloud Run's own check:
RS256, Google's issuer, this service as audience, the expected account as email.
Answering anything but a success makes Pub/Sub deliver again and, after the subscription's
attempts, forward to the dead-letter topic; so poison is answered with 400, never swallowed.
"""

import logging
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from shared.errors import Forbidden, Invalid, NotFound, Unauthenticated
from shared.events import decode, topic_of
from shared.web.keys import Keys, verified_claims

log = logging.getLogger(__name__)

ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
Handler = Callable[[Any], Awaitable[None]]
Task = Callable[[], Awaitable[object]]


class Caller:
    """Checks that a request comes from the service account that pushes to this service."""

    def __init__(
        self, keys: Keys, audience: str, email: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._audience = audience
        self._email = email
        self._clock = clock

    async def check(self, request: Request) -> None:
        """Let the request through.

        Raises:
            Unauthenticated: no token, or one that is malformed, tampered, foreign or expired.
            Forbidden: a good token of another account (code WRONG_CALLER).
        """
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Unauthenticated("an ID token is needed", code="TOKEN_MISSING")
        claims = await verified_claims(token.strip(), self._keys, "RS256")
        expires_at = claims.get("exp")
        if claims.get("iss") not in ISSUERS or claims.get("aud") != self._audience:
            raise Unauthenticated("the ID token is not for this service", code="TOKEN_INVALID")
        if not isinstance(expires_at, int | float) or expires_at <= self._clock():
            raise Unauthenticated("the ID token has expired", code="TOKEN_EXPIRED")
        if claims.get("email") != self._email or claims.get("email_verified") is not True:
            raise Forbidden("another account may not push here", code="WRONG_CALLER")


class _Message(msgspec.Struct):
    data: str = ""


class _Push(msgspec.Struct):
    message: _Message


_decoder = msgspec.json.Decoder(_Push)


def event_of(body: bytes, cls: type) -> Any:
    """The event in a Pub/Sub push request.

    Raises:
        Invalid: not a push envelope, or not that event (code UNDECODABLE).

    Source: https://cloud.google.com/pubsub/docs/push#receive_push
    """
    try:
        data = b64decode(_decoder.decode(body).message.data, validate=True)
        return decode(cls, data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Invalid(f"not a {cls.__name__} push: {error}", code="UNDECODABLE") from error


def subscriptions(caller: Caller, handlers: Mapping[type, Handler]) -> APIRouter:
    """Routes `POST /_events/{topic}`: each event class to its handler.

    204 when the handler returned; what it raises decides the status, and the redelivery.
    """
    router = APIRouter()
    by_topic = {topic_of(cls): (cls, handler) for cls, handler in handlers.items()}

    @router.post("/_events/{topic}")
    async def push(topic: str, request: Request) -> Response:
        await caller.check(request)
        if topic not in by_topic:
            raise NotFound(f"no subscription to {topic[:80]}", code="TOPIC_NOT_FOUND")
        cls, handler = by_topic[topic]
        await handler(event_of(await request.body(), cls))
        return Response(status_code=204)

    return router


def tasks(caller: Caller, by_name: Mapping[str, Task]) -> APIRouter:
    """Routes `POST /_tasks/{name}` for the scheduler; what a task returns is logged."""
    router = APIRouter()

    @router.post("/_tasks/{name}")
    async def run(name: str, request: Request) -> Response:
        await caller.check(request)
        if name not in by_name:
            raise NotFound(f"no task {name[:80]}", code="TASK_NOT_FOUND")
        log.info("task %s: %s", name, await by_name[name]())
        return Response(status_code=204)

    return router
