"""Push delivery: each message as an HTTP request with an OIDC token, many at a time.

Source: https://cloud.google.com/pubsub/docs/push
"""

import asyncio
import base64
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from emulators.endpoints import Endpoints
from emulators.iam import Policy
from emulators.oidc import LIFETIME_S, Issuer
from emulators.runtime.pubsub.backlog import Message
from emulators.runtime.pubsub.broker import Lane, timestamp
from emulators.runtime.pubsub.topology import Push

log = logging.getLogger(__name__)

ACKNOWLEDGED = frozenset({102, 200, 201, 202, 204})
AT_FIRST = 4
AT_MOST = 32
AGENT = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"


class Unreachable(Exception):
    """The receiver's port refuses or drops the connection: the gate is not (yet) there."""


class Sender:
    """Makes push requests: the local address, the token, the caller's right to invoke."""

    def __init__(self, endpoints: Endpoints, policy: Policy, issuer: Issuer) -> None:
        self._endpoints = endpoints
        self._policy = policy
        self._issuer = issuer
        self._tokens: dict[tuple[str, str], tuple[float, str]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, push: Push, body: bytes, headers: Mapping[str, str], timeout_s: float
    ) -> str | None:
        """POST `body`. None if it was acknowledged, else what went wrong.

        Raises:
            Denied: the push identity may not invoke the service.
            Unreachable: nothing listens there.
        """
        try:
            url = self._endpoints.local(push.endpoint)
        except KeyError:
            return f"no service of this stack has the address {push.endpoint}"
        service = service_of(push.endpoint)
        if service is not None:
            member = f"serviceAccount:{push.email}" if push.email else "allUsers"
            self._policy.check(member, "run.routes.invoke", "service", service)
        headers = {"User-Agent": AGENT, **headers}
        if push.email is not None:
            headers["Authorization"] = f"Bearer {self._token(push.email, push.audience)}"
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector)
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            request = self._session.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            )
            async with request as answer:
                if answer.status in ACKNOWLEDGED:
                    await answer.read()
                    return None
                text = (await answer.text(errors="replace"))[:300]
                return f"{answer.status} from {push.endpoint}: {text}"
        except TimeoutError:
            return f"no answer from {push.endpoint} in {timeout_s:g} s (the ack deadline)"
        except aiohttp.ClientConnectionError as error:
            raise Unreachable(f"{url}: {type(error).__name__}: {error}") from error
        except aiohttp.ClientError as error:
            return f"{push.endpoint}: {type(error).__name__}: {error}"

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _token(self, email: str, audience: str) -> str:
        made, token = self._tokens.get((email, audience), (0.0, ""))
        if time.time() - made > LIFETIME_S / 2:
            made, token = time.time(), self._issuer.token(email, audience)
            self._tokens[email, audience] = made, token
        return token


class Pusher:
    """Delivers one push subscription. The number of requests under way grows by one with each
    success, up to `AT_MOST`, and halves with each failure."""

    def __init__(self, project: str, lane: Lane, push: Push, sender: Sender) -> None:
        self._full_name = f"projects/{project}/subscriptions/{lane.name}"
        self._lane = lane
        self._push = push
        self._sender = sender
        self._limit = AT_FIRST
        self._room = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                await self._lane.due()
                while len(self._running) < self._limit and (message := self._lane.lease()):
                    task = asyncio.create_task(self._deliver(message))
                    self._running.add(task)
                    task.add_done_callback(self._ended)
                if len(self._running) >= self._limit:
                    self._room.clear()
                    await self._room.wait()
        finally:
            for task in self._running:
                task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._room.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("%s: delivery broke", self._lane.name, exc_info=task.exception())

    async def _deliver(self, message: Message) -> None:
        counted = True
        try:
            body, headers = self._request(message)
            timeout_s = self._lane.subscription.ack_deadline_s
            error = await self._sender.send(self._push, body, headers, timeout_s)
        except Unreachable as unreachable:
            error, counted = str(unreachable), False
        except Exception as raised:
            # Denied among them: the service answers 403, which is a failed delivery.
            error = str(raised)
            log.warning("%s: %s", self._lane.name, error)
        if error is None:
            self._limit = min(AT_MOST, self._limit + 1)
            await self._lane.settle([message.id])
        else:
            self._limit = max(1, self._limit // 2)
            self._lane.fail(message, error, counted=counted)

    def _request(self, message: Message) -> tuple[bytes, dict[str, str]]:
        if not self._push.unwrapped:
            counts = self._lane.subscription.dead_letter is not None
            body = envelope(message, self._full_name, counts=counts)
            return json.dumps(body).encode(), {"Content-Type": "application/json"}
        headers = {"Content-Type": "application/octet-stream"}
        if self._push.write_metadata:
            headers |= {
                "x-goog-pubsub-subscription-name": self._full_name,
                "x-goog-pubsub-message-id": str(message.id),
                "x-goog-pubsub-publish-time": timestamp(message.published_us),
            }
            headers |= message.attributes
        return message.data, headers


def envelope(message: Message, subscription: str, *, counts: bool) -> dict[str, Any]:
    """The wrapped push body. `counts`: tell the delivery attempt, as with a dead-letter policy."""
    at = timestamp(message.published_us)
    inner: dict[str, Any] = {
        "attributes": message.attributes,
        "data": base64.b64encode(message.data).decode(),
        "messageId": str(message.id),
        "message_id": str(message.id),
        "publishTime": at,
        "publish_time": at,
    }
    if message.ordering_key:
        inner["orderingKey"] = message.ordering_key
    body: dict[str, Any] = {"message": inner, "subscription": subscription}
    if counts:
        body["deliveryAttempt"] = message.attempts
    return body


def service_of(url: str) -> str | None:
    """`https://NAME-NUMBER.REGION.run.app/path` -> `NAME`; None for any other host."""
    host = url.partition("://")[2].partition("/")[0]
    if not host.endswith(".run.app"):
        return None
    return host.partition(".")[0].rpartition("-")[0]
