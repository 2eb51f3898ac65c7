"""Events to Pub/Sub: the topic from the event's class, Avro binary, the server's ack awaited.

The client itself honours PUBSUB_EMULATOR_HOST.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud.pubsub_v1.publisher import Client
from google.cloud.pubsub_v1.types import BatchSettings, PublisherOptions

from shared.errors import Unavailable
from shared.events import encode, topic_of

Publish = Callable[[Any], Awaitable[None]]
"""Publish one event; returns when it is acknowledged, raises Unavailable when it is not."""

DEADLINE_S = 10.0
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
        retry = Retry(predicate=_TRANSIENT, initial=0.1, maximum=2.0, timeout=deadline_s)
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

    async def stop(self) -> None:
        """Send what is left and end the client's threads."""
        await asyncio.to_thread(self._client.stop)
