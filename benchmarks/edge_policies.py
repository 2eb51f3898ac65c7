"""Eviction policies that the edge's cache is held against, on objects of one size.

Each is asked `hit(key)`: was it there? It is there afterwards. LRU; SIEVE (Zhang et al., NSDI
2024); S3-FIFO (Yang et al., SOSP 2023) written anew from the paper's Algorithm 1, so that ours is
not compared with itself; Belady's MIN, which knows the future and is the bound.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from heapq import heappop, heappush


class Lru:
    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[int, None] = OrderedDict()

    def hit(self, key: int) -> bool:
        if key in self._entries:
            self._entries.move_to_end(key)
            return True
        self._entries[key] = None
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        return False


class Sieve:
    """A FIFO whose hand passes over what was visited since it last came by."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._visited: dict[int, bool] = {}
        self._newer: dict[int, int | None] = {}
        self._older: dict[int, int | None] = {}
        self._head: int | None = None
        self._tail: int | None = None
        self._hand: int | None = None

    def hit(self, key: int) -> bool:
        if key in self._visited:
            self._visited[key] = True
            return True
        if len(self._visited) >= self._capacity:
            self._evict()
        self._visited[key] = False
        self._older[key], self._newer[key] = self._head, None
        if self._head is not None:
            self._newer[self._head] = key
        self._head = key
        self._tail = key if self._tail is None else self._tail
        return False

    def _evict(self) -> None:
        at = self._hand if self._hand is not None else self._tail
        assert at is not None
        while self._visited[at]:
            self._visited[at] = False
            newer = self._newer[at]
            at = newer if newer is not None else self._tail
            assert at is not None
        newer, older = self._newer.pop(at), self._older.pop(at)
        self._hand = newer
        del self._visited[at]
        if newer is None:
            self._head = older
        else:
            self._older[newer] = older
        if older is None:
            self._tail = newer
        else:
            self._newer[older] = newer


class PaperS3Fifo:
    """S3-FIFO as the paper's Algorithm 1 has it: small queue of a tenth, ghost as large as main."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._small_capacity = capacity // 10
        self._small: deque[int] = deque()
        self._main: deque[int] = deque()
        self._ghost: OrderedDict[int, None] = OrderedDict()
        self._hits: dict[int, int] = {}

    def hit(self, key: int) -> bool:
        if key in self._hits:
            self._hits[key] = min(self._hits[key] + 1, 3)
            return True
        while len(self._hits) >= self._capacity:
            if len(self._small) >= self._small_capacity:
                self._evict_small()
            else:
                self._evict_main()
        if key in self._ghost:
            del self._ghost[key]
            self._main.append(key)
        else:
            self._small.append(key)
        self._hits[key] = 0
        return False

    def _evict_small(self) -> None:
        while self._small:
            key = self._small.popleft()
            if self._hits[key] > 1:
                self._main.append(key)
                self._hits[key] = 0
                if len(self._main) > self._capacity - self._small_capacity:
                    self._evict_main()
            else:
                del self._hits[key]
                self._ghost[key] = None
                if len(self._ghost) > self._capacity - self._small_capacity:
                    self._ghost.popitem(last=False)
                return

    def _evict_main(self) -> None:
        while self._main:
            key = self._main.popleft()
            if self._hits[key]:
                self._hits[key] -= 1
                self._main.append(key)
            else:
                del self._hits[key]
                return


def belady(keys: Sequence[int], capacity: int) -> list[bool]:
    """For each request, whether a cache that knows the future would have had it."""
    never = len(keys)
    following = [never] * len(keys)
    seen: dict[int, int] = {}
    for at in range(len(keys) - 1, -1, -1):
        following[at] = seen.get(keys[at], never)
        seen[keys[at]] = at
    kept: dict[int, int] = {}
    furthest: list[tuple[int, int]] = []
    hits: list[bool] = []
    for at, key in enumerate(keys):
        hits.append(key in kept)
        if key not in kept and len(kept) >= capacity:
            while True:
                due, victim = heappop(furthest)
                if kept.get(victim) == -due:
                    del kept[victim]
                    break
        kept[key] = following[at]
        heappush(furthest, (-following[at], key))
    return hits
