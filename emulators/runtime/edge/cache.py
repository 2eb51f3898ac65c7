"""What the edge keeps: one interface, and S3-FIFO behind it, bounded in bytes.

S3-FIFO (Yang et al., SOSP 2023): newcomers enter a small queue; what is asked for again moves to
the main queue, the rest leaves early but is remembered by name in a ghost queue, and goes straight
to the main queue when it returns. At the edge it kept more hits than LRU by a quarter.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)
K_contra = TypeVar("K_contra", bound=Hashable, contravariant=True)
V = TypeVar("V")
_SMALL_SHARE = 0.1
_MOST_HITS = 3


class Cache(Protocol[K_contra, V]):
    """A bounded store of values by key; it may forget anything at any time."""

    @property
    def bytes(self) -> int: ...
    def get(self, key: K_contra) -> V | None: ...
    def peek(self, key: K_contra) -> V | None:
        """As `get`, but counted as nothing."""
        ...

    def put(self, key: K_contra, value: V, size: int, *, warm: bool = False) -> None:
        """Keep `value`; `warm`: nobody asked for it yet, it was brought ahead of demand."""
        ...

    def discard(self, key: K_contra) -> None: ...
    def __contains__(self, key: K_contra) -> bool: ...
    def __len__(self) -> int: ...


class S3Fifo(Generic[K, V]):
    """At most `capacity` bytes. A value larger than the small queue's share is still kept."""

    __slots__ = ("_entries", "_ghost", "_main", "_main_bytes", "_small", "bytes", "capacity")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.bytes = 0
        self._main_bytes = 0
        # key -> [value, size, hits, in the main queue]
        self._entries: dict[K, list] = {}
        self._small: deque[K] = deque()
        self._main: deque[K] = deque()
        self._ghost: OrderedDict[K, None] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value of `key`, counted as a hit, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[2] < _MOST_HITS:
            entry[2] += 1
        return entry[0]

    def peek(self, key: K) -> V | None:
        """The value of `key`, without counting a hit, or None."""
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def put(self, key: K, value: V, size: int, *, warm: bool = False) -> None:
        """Keep `value` of `size` bytes, evicting others; refuse what exceeds the capacity.

        `warm` makes no difference here: `Prewarmed` keeps a place for what is.
        """
        if size > self.capacity:
            self.discard(key)
            return
        known = self._entries.get(key)
        if known is not None:
            self._grow(known, size - known[1])
            known[0], known[1] = value, size
        else:
            main = key in self._ghost
            self._ghost.pop(key, None)
            entry = [value, 0, 0, main]
            self._entries[key] = entry
            (self._main if main else self._small).append(key)
            self._grow(entry, size)
            entry[1] = size
        while self.bytes > self.capacity:
            self._evict()

    def resize(self, capacity: int) -> None:
        """Another bound from now on, evicting what no longer fits."""
        self.capacity = capacity
        while self.bytes > self.capacity:
            self._evict()

    def discard(self, key: K) -> None:
        """Forget `key`, if it is known. Linear in the queue: meant for the rare replaced entry."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._grow(entry, -entry[1])
            queue = self._main if entry[3] else self._small
            queue.remove(key)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def _grow(self, entry: list, by: int) -> None:
        self.bytes += by
        if entry[3]:
            self._main_bytes += by

    def _evict(self) -> None:
        small_bytes = self.bytes - self._main_bytes
        if self._small and (small_bytes > self.capacity * _SMALL_SHARE or not self._main):
            self._evict_small()
        else:
            self._evict_main()

    def _evict_small(self) -> None:
        key = self._small.popleft()
        entry = self._entries[key]
        if entry[2] > 1:  # once may be the echo of the same request; twice is interest
            entry[2], entry[3] = 0, True
            self._main_bytes += entry[1]
            self._main.append(key)
            return
        self._drop(key, entry)
        self._ghost[key] = None
        while len(self._ghost) > max(16, len(self._entries)):
            self._ghost.popitem(last=False)

    def _evict_main(self) -> None:
        key = self._main.popleft()
        entry = self._entries[key]
        if entry[2]:
            entry[2] -= 1
            self._main.append(key)
        else:
            self._drop(key, entry)

    def _drop(self, key: K, entry: list) -> None:
        del self._entries[key]
        self._grow(entry, -entry[1])
