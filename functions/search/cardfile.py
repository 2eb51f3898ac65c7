"""The cards of one kind in a generation: one file, read by row, and by id or code.

    ids         16 bytes a row
    blocks      BLOCK_ROWS records each: compressed together, then their covers as they are
    dictionary  what blocks of this kind have in common
    ends        6 bytes a block: how long its covers are, and where it ends
    codes       rows by id, and by ISRC or UPC (`codes.py`)
    footer      msgpack, with sets of markets that records name by number; the last 4 bytes are
                its length

A record is `records.py`'s, behind its id (if the 16 bytes do not give it) and its revision.
"""

import hashlib
import mmap
import struct
import threading
from collections.abc import Callable
from functools import lru_cache
from itertools import product
from pathlib import Path

import msgspec
import zstandard

from functions.search import cards
from functions.search.codes import Codes, CodesWriter
from functions.search.document import Document
from functions.search.records import (
    COVER_BYTES,
    KNOWN_SETS,
    ORDER,
    RECORDS,
    Markets,
    Near,
    packed,
    unpacked,
)
from shared.ids import ALPHABET, LENGTH, base62

NAME = "cards"
BLOCK_ROWS = 64
"""More make the file little smaller, and each card that is read dearer: all of its block is."""
_ID_BYTES = 16
_LEVEL = 6
_DICTIONARY_BYTES = 128 * 1024
_SAMPLES = 1500
"""Blocks from which the dictionary is learnt; as many wait in memory until it is."""
_CACHED_BLOCKS = 128
_MOST_SETS = 1000
"""Sets of markets that have a number. Catalogs know a few hundred, as their licences do."""
_END = struct.Struct("<HI")
_CACHED_CARDS = 1024
_VALUE = {pair: value for value, pair in enumerate(map("".join, product(ALPHABET, repeat=2)))}
"""Two digits of an id at a time."""
_NONE = 1 << 128

_encode = msgspec.msgpack.Encoder().encode
_decode_rows = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_id = msgspec.msgpack.Decoder(tuple[str | None, int, msgspec.Raw]).decode


class _Footer(msgspec.Struct, array_like=True, frozen=True):
    rows: int
    blocks_bytes: int
    dictionary_bytes: int
    ids_codes_bytes: int
    sets: tuple[Markets, ...] = KNOWN_SETS


class CardWriter:
    """Takes the documents of one kind, and writes their cards into `folder`."""

    def __init__(self, kind: str, folder: Path, near: Near) -> None:
        self._folder = folder
        self._near = near
        self._type = cards.TYPES[kind]
        self._ids = bytearray()
        self._rows: list[bytes] = []
        self._covers: list[bytes] = []
        self._waiting: list[tuple[bytes, bytes]] = []
        self._ends = bytearray()
        self._id_codes, self._codes = CodesWriter(), CodesWriter()
        self._sets = {markets: number for number, markets in enumerate(KNOWN_SETS)}
        self._dictionary = b""
        self._compressor: zstandard.ZstdCompressor | None = None
        self._blocks = (folder / f"{NAME}.blocks").open("wb")

    def add(self, document: Document) -> None:
        """The card of the next row."""
        row = len(self._ids) // _ID_BYTES
        token, spelt = _token(document.id)
        self._ids += token
        self._id_codes.add(token, row)
        for code in document.codes:
            self._codes.add(code.encode(), row)
        card = msgspec.msgpack.decode(document.card, type=self._type)
        record = packed(card, self._near, self._keep, self._count)
        self._rows.append(_encode((spelt, document.revision, record)))
        if len(self._rows) == BLOCK_ROWS:
            self._end_block()

    def close(self) -> None:
        """Write what is left, and put the file together."""
        if self._rows:
            self._end_block()
        self._compress()
        self._blocks.close()
        blocks = self._folder / f"{NAME}.blocks"
        ids_codes = self._id_codes.written()
        footer = _encode(
            _Footer(
                len(self._ids) // _ID_BYTES,
                blocks.stat().st_size,
                len(self._dictionary),
                len(ids_codes),
                tuple(self._sets),
            )
        )
        with (self._folder / NAME).open("wb") as file:
            file.write(self._ids)
            with blocks.open("rb") as written:
                while data := written.read(1 << 20):
                    file.write(data)
            for part in (self._dictionary, self._ends, ids_codes, self._codes.written(), footer):
                file.write(part)
            file.write(len(footer).to_bytes(4, "little"))
        blocks.unlink()

    def _keep(self, cover: bytes) -> int:
        self._covers.append(cover)
        return len(self._covers) - 1

    def _count(self, markets: Markets) -> int | Markets:
        if len(self._sets) >= _MOST_SETS:
            return self._sets.get(markets, markets)
        return self._sets.setdefault(markets, len(self._sets))

    def _end_block(self) -> None:
        block = _encode([msgspec.Raw(row) for row in self._rows])
        self._waiting.append((block, b"".join(self._covers)))
        self._rows, self._covers = [], []
        if self._compressor or len(self._waiting) == _SAMPLES:
            self._compress()

    def _compress(self) -> None:
        if self._compressor is None:
            self._dictionary = _learnt([block for block, _ in self._waiting])
            known = zstandard.ZstdCompressionDict(self._dictionary) if self._dictionary else None
            parameters = zstandard.ZstdCompressionParameters.from_level(
                _LEVEL, write_content_size=True, write_dict_id=False, write_checksum=False
            )
            self._compressor = zstandard.ZstdCompressor(
                dict_data=known, compression_params=parameters
            )
        for block, covers in self._waiting:
            self._blocks.write(self._compressor.compress(block) + covers)
            self._ends += _END.pack(len(covers), self._blocks.tell())
        self._waiting = []


class CardFile:
    """Reads what a `CardWriter` wrote. Several threads may; it outlives the file's name."""

    def __init__(self, kind: str, folder: Path, near: Near) -> None:
        self._near = near
        with (folder / NAME).open("rb") as file:
            self._data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        size = int.from_bytes(self._data[-4:], "little")
        footer = msgspec.msgpack.decode(self._data[-4 - size : -4], type=_Footer)
        self.count = footer.rows
        self._sets = footer.sets
        ends = -(-footer.rows // BLOCK_ROWS) * _END.size
        codes_bytes = len(self._data) - 4 - size
        codes_bytes -= footer.rows * _ID_BYTES + footer.blocks_bytes + footer.dictionary_bytes
        codes_bytes -= ends + footer.ids_codes_bytes
        at = 0

        def part(length: int) -> memoryview:
            nonlocal at
            at += length
            return self._data[at - length : at]

        self._ids = part(footer.rows * _ID_BYTES)
        self._blocks = part(footer.blocks_bytes)
        dictionary = part(footer.dictionary_bytes)
        self._ends = part(ends)
        self._id_codes = Codes(part(footer.ids_codes_bytes))
        self._codes = Codes(part(codes_bytes))
        self._decompressor = zstandard.ZstdDecompressor(
            dict_data=zstandard.ZstdCompressionDict(bytes(dictionary)) if dictionary else None
        )
        self._decompressing = threading.Lock()
        self._block = lru_cache(_CACHED_BLOCKS)(self._read_block)
        self._decode = msgspec.msgpack.Decoder(RECORDS[kind]).decode
        self.row: Callable[[str], int | None] = lru_cache(_CACHED_CARDS)(self._find)
        """Where the card of an id is; None if there is none."""
        self.read: Callable[[int], tuple[str, int, cards.Card]]
        """Id, revision and card of a row."""
        self.read = lru_cache(_CACHED_CARDS)(self._read)

    def rows(self, code: str) -> list[int]:
        """Where the cards may be whose document has `code`, and some others."""
        return sorted(self._codes.candidates(code.encode()))

    def revision(self, row: int) -> int:
        return self._row(row)[1]

    def _find(self, id: str) -> int | None:
        token, _ = _token(id)
        for row in self._id_codes.candidates(token):
            if self._ids[row * _ID_BYTES : (row + 1) * _ID_BYTES] == token:
                return row
        return None

    def _read(self, row: int) -> tuple[str, int, cards.Card]:
        id, revision, record, covers = self._row(row)

        def kept(number: int) -> bytes:
            return bytes(covers[number * COVER_BYTES : (number + 1) * COVER_BYTES])

        return id, revision, unpacked(id, self._decode(record), self._near, kept, self._sets)

    def _row(self, row: int) -> tuple[str, int, msgspec.Raw, memoryview]:
        rows, covers = self._block(row // BLOCK_ROWS)
        spelt, revision, record = _decode_id(rows[row % BLOCK_ROWS])
        token = self._ids[row * _ID_BYTES : (row + 1) * _ID_BYTES]
        id = base62(bytes(token)) if spelt is None else spelt
        return id, revision, record, covers

    def _read_block(self, number: int) -> tuple[list[msgspec.Raw], memoryview]:
        covers_bytes, end = _END.unpack_from(self._ends, number * _END.size)
        begin = _END.unpack_from(self._ends, (number - 1) * _END.size)[1] if number else 0
        with self._decompressing:  # a decompressor is for one thread at a time
            block = self._decompressor.decompress(self._blocks[begin : end - covers_bytes])
        return _decode_rows(block), self._blocks[end - covers_bytes : end]


def opened(folder: Path) -> dict[str, CardFile]:
    """The card files of a generation, which has a folder for each kind."""
    files: dict[str, CardFile] = {}
    there = {path.parent.name for path in folder.glob(f"*/{NAME}")}
    for kind in sorted(there & RECORDS.keys(), key=ordered):
        files[kind] = CardFile(kind, folder / kind, dict(files))
    return files


def ordered(kind: str) -> tuple[int, str]:
    """Sorts kinds such that those that others refer to come before them."""
    return ORDER.index(kind) if kind in ORDER else len(ORDER), kind


def _learnt(blocks: list[bytes]) -> bytes:
    """What `blocks` have in common; nothing if they are too few to tell."""
    size = min(_DICTIONARY_BYTES, sum(len(it) for it in blocks) // 20)
    try:
        return zstandard.train_dictionary(size, blocks).as_bytes()  # type: ignore[arg-type]
    except zstandard.ZstdError:
        return b""


def _token(id: str) -> tuple[bytes, str | None]:
    """16 bytes for `id`, and `id` itself if it is none of ours, which those bytes would give."""
    if len(id) == LENGTH:
        number = 0
        for value in [_VALUE.get(id[at : at + 2], _NONE) for at in range(0, LENGTH, 2)]:
            number = number * 3844 + value
        if 0 < number < 1 << 128:
            return number.to_bytes(_ID_BYTES, "big"), None
    return hashlib.blake2b(id.encode(), digest_size=_ID_BYTES).digest(), id
