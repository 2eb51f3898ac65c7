"""A small pinned part for what a warmer brought before anybody asked, in front of S3-FIFO.

No eviction policy helps an object that nobody has asked for yet: put into S3-FIFO's small queue
it would be gone before its first reader comes. So it waits in a part of its own, in bytes taken
from the rest only while it is there. Whoever reads it moves it over: from then on it is an entry
like any other. What is never read leaves when newer warm entries need its room.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from emulators.runtime.edge.cache import S3Fifo

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
PINNED_SHARE = 0.1
"""Of the capacity, at most. Warm lists keep to a budget below it."""


class Prewarmed(Generic[K, V]):
    """At most `capacity` bytes, of which warm entries that wait take at most `pinned_share`.

    Without warm entries it is S3-FIFO. `used` and `unused` count warm entries by their end.
    """

    __slots__ = ("_pinned", "_pinned_bytes", "_rest", "_room", "capacity", "unused", "used")

    def __init__(self, capacity: int, pinned_share: float = PINNED_SHARE) -> None:
        self.capacity = capacity
        self._room = int(capacity * pinned_share)
        self._pinned: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._pinned_bytes = 0
        self._rest: S3Fifo[K, V] = S3Fifo(capacity)
        self.used = self.unused = 0

    @property
    def bytes(self) -> int:
        return self._rest.bytes + self._pinned_bytes

    @property
    def waiting(self) -> int:
        """Warm entries that nobody has asked for yet."""
        return len(self._pinned)

    def get(self, key: K) -> V | None:
        """The value of `key`, counted as a hit, or None."""
        found = self._pinned.get(key)
        if found is None:
            return self._rest.get(key)
        value, size = found
        self.used += 1
        self._unpin(key)
        self._rest.put(key, value, size)
        self._rest.get(key)
        return value

    def peek(self, key: K) -> V | None:
        """The value of `key`, without counting a hit, or None: a warm entry goes on waiting."""
        found = self._pinned.get(key)
        return self._rest.peek(key) if found is None else found[0]

    def put(self, key: K, value: V, size: int, *, warm: bool = False) -> None:
        """Keep `value` of `size` bytes. `warm`: nobody asked for it yet, a warmer brought it.

        A warm value that is here already as an ordinary entry stays one; one that is too large
        for the pinned part is kept as an ordinary entry.
        """
        if key in self._pinned:
            self._unpin(key)
            warm = True
        if not warm or key in self._rest or size > self._room:
            self._rest.put(key, value, size)
            return
        while self._pinned_bytes + size > self._room:
            oldest = next(iter(self._pinned))
            self.unused += 1
            self._unpin(oldest)
        self._pinned[key] = (value, size)
        self._pinned_bytes += size
        self._rest.resize(self.capacity - self._pinned_bytes)

    def discard(self, key: K) -> None:
        """Forget `key`, if it is known."""
        if key in self._pinned:
            self._unpin(key)
        self._rest.discard(key)

    def __contains__(self, key: K) -> bool:
        return key in self._pinned or key in self._rest

    def __len__(self) -> int:
        return len(self._pinned) + len(self._rest)

    def _unpin(self, key: K) -> None:
        self._pinned_bytes -= self._pinned.pop(key)[1]
        self._rest.resize(self.capacity - self._pinned_bytes)
