"""From an id or a code to the rows that may have it, in less than three bytes each.

Rows lie sorted by a hash of their code, in buckets; the code itself is not kept, for the card of a
row says it. So a bucket's rows are candidates, sixteen on average, and whoever asks looks at them.
"""

import hashlib
import sys
from array import array
from collections.abc import Iterator

_BUCKET = 16
_HASH_BITS = 32
_ROW_MASK = (1 << _HASH_BITS) - 1


class CodesWriter:
    """Takes codes and their rows in; 40 bytes of memory each until `written`."""

    def __init__(self) -> None:
        self._pairs = array("Q")

    def add(self, code: bytes, row: int) -> None:
        self._pairs.append(_hash(code) << _HASH_BITS | row)

    def written(self) -> bytes:
        """What `Codes` reads."""
        pairs = sorted(self._pairs)
        buckets = len(pairs) // _BUCKET + 1
        bits = max(1, max((it & _ROW_MASK for it in pairs), default=0).bit_length())
        counts = array("I", bytes(4 * (buckets + 1)))
        for pair in pairs:
            counts[((pair >> _HASH_BITS) * buckets >> _HASH_BITS) + 1] += 1
        for at in range(buckets):
            counts[at + 1] += counts[at]
        head = b"".join(it.to_bytes(4, "little") for it in (buckets, bits))
        return head + _little(counts).tobytes() + _squeezed([it & _ROW_MASK for it in pairs], bits)


class Codes:
    """Reads what a `CodesWriter` wrote, where it lies."""

    def __init__(self, data: memoryview) -> None:
        self._buckets, self._bits = _numbers(data[:8])
        end = 8 + 4 * (self._buckets + 1)
        self._ends, self._rows = data[8:end], data[end:]

    def candidates(self, code: bytes) -> Iterator[int]:
        """Rows that may have `code`, among them all that do."""
        bucket = _hash(code) * self._buckets >> _HASH_BITS
        first, end = _numbers(self._ends[4 * bucket : 4 * bucket + 8])
        begin = first * self._bits
        window = self._rows[begin // 8 : (end * self._bits + 7) // 8]
        number = int.from_bytes(window, "little") >> begin % 8
        for _ in range(end - first):
            yield number & (1 << self._bits) - 1
            number >>= self._bits


def _squeezed(rows: list[int], bits: int) -> bytes:
    """Every row in `bits` bits, without gaps. Eight of them fill whole bytes."""
    parts: list[bytes] = []
    for at in range(0, len(rows), 8):
        number = 0
        for step, row in enumerate(rows[at : at + 8]):
            number |= row << step * bits
        parts.append(number.to_bytes(bits, "little"))
    return b"".join(parts)


def _numbers(data: memoryview) -> list[int]:
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]


def _hash(code: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(code, digest_size=4).digest(), "little")


def _little(numbers: array) -> array:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
