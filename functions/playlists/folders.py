"""A user's folders of playlists: one small tree, replaced whole by who saw its last revision."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from shared.errors import Invalid, Stale
from shared.gcp.documents import Documents
from shared.ids import parse_id

MAX_DEPTH = 8
MAX_NODES = 3_000


class Node(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A playlist (`playlist`: its id), or a folder with a name and what is in it."""

    playlist: str = ""
    name: str = ""
    items: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class FoldersDocument:
    """One user's tree, packed; `revision` counts its replacements."""

    revision: int
    tree: bytes


_decoder = msgspec.json.Decoder(tuple[Node, ...])


class Folders:
    """Trees by user."""

    def __init__(self, documents: Documents[FoldersDocument]) -> None:
        self._documents = documents

    async def get(self, user_id: str) -> tuple[int, Any]:
        """The revision and the tree; 0 and an empty one, before the first."""
        found = await self._documents.find(user_id)
        return (found.revision, msgspec.json.decode(found.tree)) if found else (0, [])

    async def put(self, user_id: str, tree: tuple[Node, ...], revision: int) -> int:
        """Replace the tree of `revision`; the new revision.

        Raises:
            Stale: another device was quicker. Invalid: not such a tree (code INVALID_FOLDERS).
        """
        check(tree)
        data = msgspec.json.encode(tree)

        def change(known: FoldersDocument | None) -> FoldersDocument:
            if (known.revision if known else 0) != revision:
                raise Stale("the folders have changed since", code="STALE")
            return FoldersDocument(revision + 1, data)

        await self._documents.update(user_id, change)
        return revision + 1


def check(tree: tuple[Node, ...]) -> None:
    """Refuse what is too deep, too large, or neither folder nor playlist. Pure. Raises Invalid."""
    seen: set[str] = set()
    for count, (node, depth) in enumerate(_nodes(tree, 1)):
        if count >= MAX_NODES or depth > MAX_DEPTH:
            message = f"{MAX_NODES} entries, {MAX_DEPTH} deep, at most"
            raise Invalid(message, code="INVALID_FOLDERS")
        if node.playlist:
            parse_id(node.playlist, "playlist id")
        if bool(node.playlist) == bool(node.name) or (node.playlist and node.items):
            raise Invalid("an entry is a playlist or a folder", code="INVALID_FOLDERS")
        if len(node.name) > 200 or node.playlist in seen - {""}:
            raise Invalid("a name is too long, or a playlist twice", code="INVALID_FOLDERS")
        seen.add(node.playlist)


def _nodes(tree: tuple[Node, ...], depth: int) -> Iterator[tuple[Node, int]]:
    for node in tree:
        yield node, depth
        if depth <= MAX_DEPTH:
            yield from _nodes(node.items, depth + 1)
