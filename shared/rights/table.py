"""Every track's rights in memory: which shape, which version.

Tracks heard of lately lie in a dict; `compact` moves them into sorted arrays, 11 bytes a track
for any number of tracks under thousands of shapes:

    hash(track) = bucket (16 to 22 bits) · high (32 bits) · low (the rest)
    starts[bucket] .. starts[bucket + 1]   where the bucket's tracks lie, sorted by high
    high[i], low[i], shape[i], version[i]

A track is known by 64 bits of its keyed hash: two of 20 million tracks share them in one table
of 100,000, and no outsider can look for such a pair, as the key is the process's own.
"""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from shared.rights.deals import Deal
from shared.rights.shapes import Decision, Shape, Shapes

UNKNOWN = "UNKNOWN_RIGHTS"
"""Nothing was ever heard of the track's rights: ask who knows."""
_MASK = (1 << 64) - 1
_VERSIONS = (1 << 16) - 1


class Table:
    """Shapes and versions by track. A version never goes back."""

    def __init__(self, shapes: Shapes | None = None, *, full_at: int = 200_000) -> None:
        self._intern = shapes or Shapes()
        self._full_at = full_at
        self._fresh: dict[str, tuple[Shape, int]] = {}
        self._base = _Base()

    def __len__(self) -> int:
        """Tracks, of which one that changed since it was compacted counts twice."""
        return len(self._fresh) + len(self._base)

    def put(self, track_id: str, deals: tuple[Deal, ...], version: int) -> bool:
        """Remember the track's deals; False, and nothing changes, if a version at least as late is
        known. A takedown is a version without deals."""
        if version <= self.version(track_id):
            return False
        self._fresh[track_id] = self._intern.of(deals), version
        return True

    @property
    def is_full(self) -> bool:
        """Whether so many tracks lie in the dict that they should be moved."""
        return len(self._fresh) >= self._full_at

    def version(self, track_id: str) -> int:
        """The latest version known; 0 for a track never heard of."""
        found = self._find(track_id)
        return 0 if found is None else found[1]

    def shape(self, track_id: str) -> Shape | None:
        """The track's shape, None if it was never heard of."""
        found = self._find(track_id)
        return None if found is None else found[0]

    def decide(
        self,
        track_id: str,
        territory: str,
        plan: str,
        use: str,
        at: datetime,
        used: int | None = None,
    ) -> Decision:
        """As `Shape.decide`, of the track; a track never heard of is denied."""
        found = self._fresh.get(track_id) or self._base.find(hash(track_id) & _MASK)
        if found is None:
            return Decision(False, UNKNOWN)
        return found[0].decide(territory, plan, use, at, found[1], used)

    def compact(self) -> None:
        """Move what is in the dict into the arrays."""
        self.adopt(self.merged())

    def merged(self) -> "Merged":
        """What `compact` would make of it; may take seconds, and may run in another thread."""
        moving = dict(self._fresh)
        fresh = {hash(track_id) & _MASK: it for track_id, it in moving.items()}
        return Merged(moving, self._base.with_(fresh))

    def adopt(self, merged: "Merged") -> None:
        """Use what `merged` made. What was put meanwhile stays in the dict."""
        self._base = merged.base
        for track_id, it in merged.moved.items():
            if self._fresh.get(track_id) is it:
                del self._fresh[track_id]

    def fill(self, tracks: Iterable[tuple[str, Shape, int]]) -> None:
        """Take very many tracks at once, without a dict of them in between."""
        self._base = _built(
            ((hash(track_id) & _MASK, shape, version) for track_id, shape, version in tracks)
        )

    def size_bytes(self) -> int:
        """What the arrays take; shapes and the dict of the latest come on top."""
        return self._base.size_bytes()

    def _find(self, track_id: str) -> tuple[Shape, int] | None:
        return self._fresh.get(track_id) or self._base.find(hash(track_id) & _MASK)


class _Base:
    """The sorted arrays."""

    def __init__(self, bucket_bits: int = 16) -> None:
        self.shift = 64 - bucket_bits
        self.low_bits = self.shift - 32
        self.starts = array("I", bytes(4 * ((1 << bucket_bits) + 1)))
        self.high, self.low = array("I"), array("H")
        self.shape_low, self.shape_high = array("H"), array("B")
        self.version = array("H")
        self.late: dict[int, int] = {}
        """Versions too large for their array, by hash."""
        self.shapes: list[Shape] = []
        self.numbers: dict[Shape, int] = {}

    def __len__(self) -> int:
        return len(self.high)

    def find(self, hashed: int) -> tuple[Shape, int] | None:
        bucket = hashed >> self.shift
        start, end = self.starts[bucket], self.starts[bucket + 1]
        if start == end:
            return None
        high = (hashed >> self.low_bits) & 0xFFFFFFFF
        low = hashed & ((1 << self.low_bits) - 1)
        place = bisect_left(self.high, high, start, end)
        while place < end and self.high[place] == high:
            if self.low[place] == low:
                version = self.version[place]
                number = self.shape_low[place] | self.shape_high[place] << 16
                return self.shapes[number], (self.late[hashed] if version == _VERSIONS else version)
            place += 1
        return None

    def append(self, hashed: int, shape: Shape, version: int) -> None:
        """Add what sorts after all that is there; `starts` is settled afterwards."""
        number = self.numbers.get(shape)
        if number is None:
            number = self.numbers[shape] = len(self.shapes)
            if number >= 1 << 24:
                raise OverflowError("more than 16,777,216 shapes")
            self.shapes.append(shape)
        self.starts[(hashed >> self.shift) + 1] += 1
        self.high.append((hashed >> self.low_bits) & 0xFFFFFFFF)
        self.low.append(hashed & ((1 << self.low_bits) - 1))
        self.shape_low.append(number & 0xFFFF)
        self.shape_high.append(number >> 16)
        self.version.append(min(version, _VERSIONS))
        if version >= _VERSIONS:
            self.late[hashed] = version

    def settle(self) -> None:
        """Turn counts into places, and give back what the arrays reserved to grow."""
        total = 0
        for bucket, count in enumerate(self.starts):
            total += count
            self.starts[bucket] = total
        for name in ("starts", "high", "low", "shape_low", "shape_high", "version"):
            held = getattr(self, name)
            setattr(self, name, held[:])
            del held

    def items(self) -> Iterable[tuple[int, Shape, int]]:
        """(hash, shape, version), in the order of the hashes."""
        for bucket in range(len(self.starts) - 1):
            for place in range(self.starts[bucket], self.starts[bucket + 1]):
                hashed = bucket << self.shift | self.high[place] << self.low_bits | self.low[place]
                version = self.version[place]
                number = self.shape_low[place] | self.shape_high[place] << 16
                late = self.late[hashed] if version == _VERSIONS else version
                yield hashed, self.shapes[number], late

    def with_(self, fresh: dict[int, tuple[Shape, int]]) -> "_Base":
        """These arrays with `fresh` in them."""
        kept = (it for it in self.items() if it[0] not in fresh)
        return _built((*kept, *((hashed, *it) for hashed, it in fresh.items())))

    def size_bytes(self) -> int:
        arrays = (self.starts, self.high, self.low, self.shape_low, self.shape_high, self.version)
        return sum(sys.getsizeof(it) for it in arrays)


@dataclass(frozen=True, slots=True)
class Merged:
    """Arrays with everything in them, and which of it came from the dict."""

    moved: dict[str, tuple[Shape, int]]
    base: _Base


def _built(items: Iterable[tuple[int, Shape, int]]) -> _Base:
    """Arrays of `items` in any order; of one hash the last counts.

    Sorted in 256 parts, so that no list of all of them ever exists. What is needed meanwhile lies
    in a few large arrays, whose memory goes back to the system whole.
    """
    shapes: list[Shape] = []
    numbers: dict[Shape, int] = {}
    hashes, of, versions = array("Q"), array("I"), array("I")
    counts = [0] * 256
    for hashed, shape, version in items:
        number = numbers.get(shape)
        if number is None:
            number = numbers[shape] = len(shapes)
            shapes.append(shape)
        hashes.append(hashed)
        of.append(number)
        versions.append(version)
        counts[hashed >> 56] += 1
    order = array("I", bytes(4 * len(hashes)))
    ends = list(accumulate(counts, initial=0))[:-1]
    for place, hashed in enumerate(hashes):
        part = hashed >> 56
        order[ends[part]] = place
        ends[part] += 1
    base = _Base(max(16, min(22, len(hashes).bit_length() - 5)))
    for part, end in enumerate(ends):
        latest = {hashes[place]: place for place in order[end - counts[part] : end]}
        for hashed in sorted(latest):
            place = latest[hashed]
            base.append(hashed, shapes[of[place]], versions[place])
    base.settle()
    return base
