"""What one subscription has yet to deliver: order, leases and backoff. Time is an argument."""

import heapq
import random
from collections import deque
from dataclasses import dataclass, field

from emulators.runtime.pubsub.topology import Subscription

JITTER = 0.1
"""Each pause is up to this share longer, so that failures do not come back in step."""


@dataclass(slots=True)
class Message:
    """One message on its way to one subscription. `id` is unique for ever, and rises.

    `published_us`: microseconds since the epoch. `attempts`: deliveries begun.
    """

    id: int
    published_us: int
    data: bytes
    attributes: dict[str, str]
    ordering_key: str = ""
    attempts: int = 0
    error: str = ""


@dataclass(slots=True)
class Backlog:
    """Messages in memory: ready, waiting for an earlier one of their key, paused, or leased.

    With ordering, one message of a key is out at a time; the next follows when it is settled.
    """

    subscription: Subscription
    _ready: deque[Message] = field(default_factory=deque)
    _paused: list[tuple[float, int, Message]] = field(default_factory=list)
    _leased: dict[int, Message] = field(default_factory=dict)
    _waiting: dict[str, deque[Message]] = field(default_factory=dict)
    _size: int = 0

    def __len__(self) -> int:
        return self._size

    @property
    def leased(self) -> int:
        return len(self._leased)

    def offer(self, message: Message) -> None:
        """Take one more message. Offer in the order of ids."""
        self._size += 1
        key = message.ordering_key if self.subscription.ordered else ""
        if not key:
            self._ready.append(message)
        elif key in self._waiting:
            self._waiting[key].append(message)
        else:
            self._waiting[key] = deque()
            self._ready.append(message)

    def lease(self, now: float) -> Message | None:
        """The next message to deliver, if one is due; its attempt has begun."""
        while self._paused and self._paused[0][0] <= now:
            self._ready.append(heapq.heappop(self._paused)[2])
        if not self._ready:
            return None
        message = self._ready.popleft()
        message.attempts += 1
        self._leased[message.id] = message
        return message

    def due_in(self, now: float) -> float | None:
        """Seconds until a paused message is due; 0 if one is ready; None if nothing will be."""
        if self._ready:
            return 0.0
        return max(0.0, self._paused[0][0] - now) if self._paused else None

    def find(self, id: int) -> Message | None:
        """A leased message."""
        return self._leased.get(id)

    def settle(self, id: int) -> bool:
        """A leased message is done with: delivered or dead. False if it is not leased (now)."""
        message = self._leased.pop(id, None)
        if message is None:
            return False
        self._size -= 1
        key = message.ordering_key if self.subscription.ordered else ""
        if key:
            following = self._waiting[key]
            if following:
                self._ready.append(following.popleft())
            else:
                del self._waiting[key]
        return True

    def retry(self, id: int, now: float, least_s: float = 0.0) -> float:
        """A leased message was not delivered: pause it. Gives the pause in seconds.

        The pause doubles with each attempt, from the shortest backoff to the longest.
        """
        message = self._leased.pop(id)
        pause = max(least_s, backoff_s(self.subscription.backoff_s, message.attempts))
        heapq.heappush(self._paused, (now + pause, message.id, message))
        return pause

    def errors(self) -> dict[int, tuple[int, str]]:
        """Messages that failed and are to be tried again: id -> (attempts, last error)."""
        return {m.id: (m.attempts, m.error) for _, _, m in self._paused}


def backoff_s(between: tuple[float, float], attempts: int) -> float:
    """The pause after the `attempts`-th failure: exponential, with a little jitter."""
    shortest, longest = between
    pause = min(longest, shortest * 2 ** min(attempts - 1, 30))
    return pause * (1 + JITTER * random.random())  # noqa: S311 - no secret
