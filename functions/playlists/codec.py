"""Chunks, pages and states as bytes: msgpack, deflated; and as JSON for live channels."""

import zlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec

from functions.playlists.ops import Batch, Chunk, Entry, Op
from functions.playlists.playlist import Attributes, Done

_SMALL_BYTES = 400
_packer = msgspec.msgpack.Encoder()
_batches = msgspec.msgpack.Decoder(tuple[Batch, ...])
_attributes = msgspec.msgpack.Decoder(Attributes)
_nonces = msgspec.msgpack.Decoder(dict[str, Done])
_Columns = tuple[list[str], list[str], list[str], list[int]]
_columns = msgspec.msgpack.Decoder(_Columns)
_json = msgspec.json.Encoder()


def pack_batches(batches: Sequence[Batch]) -> bytes:
    return _squeezed(_packer.encode(batches))


def batches_of(data: bytes) -> tuple[Batch, ...]:
    return _batches.decode(_unsqueezed(data))


def pack_entries(entries: Sequence[Entry]) -> bytes:
    """By columns: alike values side by side deflate better."""
    columns: _Columns = (
        [it.id for it in entries],
        [it.uri for it in entries],
        [it.by for it in entries],
        [it.at for it in entries],
    )
    return _squeezed(_packer.encode(columns))


def entries_of(data: bytes) -> tuple[Entry, ...]:
    ids, uris, by, at = _columns.decode(_unsqueezed(data))
    return tuple(map(Entry, uris, ids, by, at))


def pack_attributes(attributes: Attributes) -> bytes:
    return _squeezed(_packer.encode(attributes))


def attributes_of(data: bytes) -> Attributes:
    return _attributes.decode(_unsqueezed(data))


def pack_nonces(nonces: OrderedDict[str, Done]) -> bytes:
    return _squeezed(_packer.encode(nonces))


def nonces_of(data: bytes) -> OrderedDict[str, Done]:
    return OrderedDict(_nonces.decode(_unsqueezed(data)))


def payload_of(chunk: Chunk) -> dict[str, Any]:
    """What subscribers of the live channel are told of a chunk. Digests of secrets stay here."""
    return {
        "revision": chunk.revision,
        "base": chunk.base,
        "ops": [
            {**shown(op), "by": batch.by, "at": batch.at, "nonce": batch.nonce}
            for batch in chunk.batches
            for op in batch.ops
        ],
    }


def payload_text(chunk: Chunk) -> str:
    return _json.encode(payload_of(chunk)).decode()


def shown(op: Op) -> dict[str, Any]:
    """An op as plain values, without the digest of an invite's secret."""
    found = msgspec.to_builtins(op)
    _without_digests(found)
    return found


def _without_digests(value: dict[str, Any]) -> None:
    value.pop("digest", None)
    for part in value.get("ops", ()):
        _without_digests(part)


def _squeezed(data: bytes) -> bytes:
    return b"\0" + data if len(data) < _SMALL_BYTES else b"\1" + zlib.compress(data, 3)


def _unsqueezed(data: bytes) -> bytes:
    return zlib.decompress(data[1:]) if data[:1] == b"\1" else data[1:]
