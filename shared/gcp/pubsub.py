"""Events to Pub/Sub: the topic from the event's class, Avro binary, the server's ack awaited.

The client itself honours PUBSUB_EMULATOR_HOST.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud.pubsub_v1.publisher import Client
from google.cloud.pubsub_v1.types import BatchSettings, PublisherOptions
from google.pubsub_v1.types import PublishRequest

from shared.errors import Unavailable
from shared.events import encode, topic_of

Publish = Callable[[Any], Awaitable[None]]
"""Publish one event; returns when it is acknowledged, raises Unavailable when it is not."""

DEADLINE_S = 10.0
MAX_MESSAGES = 500
MAX_BYTES = 5 << 20
"""What `many` puts into one request; Pub/Sub's own limits are 1000 messages and 10 MB."""
_PublishRequest: Any = PublishRequest.pb()
_TRANSIENT = if_exception_type(
    exceptions.ServiceUnavailable,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.TooManyRequests,
    exceptions.Aborted,
)


class Publisher:
    """Publishes events of any class in one project. Call it: `await publish(event)`.

    Transient failures are retried for `deadline_s`.
    """

    def __init__(self, project: str, *, deadline_s: float = DEADLINE_S) -> None:
        self._project = project
        self._deadline_s = deadline_s
        retry = self._retry = Retry(
            predicate=_TRANSIENT, initial=0.1, maximum=2.0, timeout=deadline_s
        )
        # 5 ms gather the events of one request batch into one call and delay a single one little.
        self._client = Client(
            batch_settings=BatchSettings(max_latency=0.005, max_messages=200),
            publisher_options=PublisherOptions(retry=retry, timeout=deadline_s),
        )

    async def __call__(self, event: Any) -> None:
        """Publish `event` and wait for the server's ack.

        Raises:
            Unavailable: refused or not acknowledged within the deadline (code NOT_PUBLISHED).
        """
        topic = f"projects/{self._project}/topics/{topic_of(event)}"
        future = self._client.publish(topic, encode(event), event_id=event.event_id)
        try:
            async with asyncio.timeout(self._deadline_s + 1):
                await asyncio.wrap_future(future)
        except (exceptions.GoogleAPIError, TimeoutError) as error:
            raise Unavailable(
                f"{topic_of(event)} was not published: {error}", code="NOT_PUBLISHED"
            ) from error

    async def many(self, events: Iterable[Any]) -> None:
        """Publish `events` by the hundred, and wait for the acks of all.

        Raises:
            Unavailable: some were not acknowledged (code NOT_PUBLISHED); do it all again.
        """
        by_topic: dict[str, list[Any]] = {}
        for event in events:
            by_topic.setdefault(topic_of(event), []).append(event)
        for topic, some in by_topic.items():
            request = _PublishRequest(topic=f"projects/{self._project}/topics/{topic}")
            size = 0
            for event in some:
                data = encode(event)
                if len(request.messages) == MAX_MESSAGES or size + len(data) > MAX_BYTES:
                    await self._send(request)
                    del request.messages[:]
                    size = 0
                message = request.messages.add()
                message.data = data
                message.attributes["event_id"] = event.event_id
                size += len(data) + 100
            await self._send(request)

    async def _send(self, request: Any) -> None:
        try:
            await asyncio.to_thread(
                self._client.api.publish,
                request=PublishRequest.wrap(request),
                retry=self._retry,
                timeout=self._deadline_s,
            )
        except exceptions.GoogleAPIError as error:
            raise Unavailable(f"not published: {error}", code="NOT_PUBLISHED") from error

    async def stop(self) -> None:
        """Send what is left and end the client's threads."""
        await asyncio.to_thread(self._client.stop)
