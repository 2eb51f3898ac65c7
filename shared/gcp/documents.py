"""The port to one collection of documents, and how a dataclass becomes a document and back.

`shared.gcp.firestore` is the real thing; `shared.gcp.memory` the same behaviour in memory,
held to it by `tests/contracts/test_stores.py`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec

from shared.errors import TooLarge

T = TypeVar("T")

MAX_DOCUMENT_BYTES = 1_000_000
"""Firestore refuses documents above 1 MiB; field names and indexes take the rest."""


Having = tuple[str, Sequence[str]]
"""A field that holds a list, and the values of which it must hold one (30 at most)."""


class Documents(Protocol[T]):
    """One collection of `T`, a frozen dataclass. Every call is safe to repeat.

    Every method may raise Unavailable: Firestore did not answer in time.
    """

    async def find(self, id: str) -> T | None:
        """The document, or None."""
        ...

    async def find_many(self, ids: Iterable[str]) -> dict[str, T]:
        """Those of `ids` that exist, by id, in one round trip."""
        ...

    async def get(self, id: str) -> T:
        """The document.

        Raises:
            NotFound: there is none (code e.g. TRACK_NOT_FOUND).
        """
        ...

    async def create(self, id: str, value: T) -> None:
        """Write a document that must not exist yet. The very same one again is no conflict:
        an answer may be lost on its way back, and the call be retried.

        Raises:
            Conflict: another one exists (code ALREADY_EXISTS).
        """
        ...

    async def claim(self, id: str, value: T) -> T:
        """Write `value` if nothing is there; answer what is there now. The first one wins."""
        ...

    async def put(self, id: str, value: T) -> None:
        """Replace the document, or make it."""
        ...

    async def update(self, id: str, change: Callable[[T | None], T | None]) -> T | None:
        """Replace the document by `change(document)`; answer what is there now.

        `change` gets None when there is no document and may be called again when another
        writer was quicker, so it must be pure. None from it leaves all as it is.

        Raises:
            Unavailable: others were quicker too many times (code CONTENDED).
        """
        ...

    async def page(
        self, order_by: str, *, descending: bool = False, limit: int = 20, offset: int = 0
    ) -> list[T]:
        """A page of the collection in the order of one field."""
        ...

    async def until(self, field: str, at: datetime, *, limit: int = 100) -> list[T]:
        """Documents whose instant `field` is at or before `at`, oldest first; null never is."""
        ...

    async def count(self, any_of: Having | None = None) -> int:
        """How many documents there are, or how many hold `any_of`."""
        ...

    async def scan(
        self,
        any_of: Having | None = None,
        *,
        order_by: str | None = None,
        descending: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> list[T]:
        """Documents that hold `any_of`, in the order of one text field, or of their ids.

        Only those strictly beyond `after`, a value of that field (or an id): whatever is written
        meanwhile, going on from the last one seen shows none twice. The field's values must
        differ from document to document. A filter with an order needs a composite index.
        """
        ...

    async def create_many(self, values: Mapping[str, T]) -> set[str]:
        """Write documents by id, in as few round trips as may be; answer the ids that were
        taken already, which are left as they are.

        Not one transaction: an error leaves some written. Doing it again is safe.
        """
        ...

    async def put_many(self, values: Mapping[str, T]) -> None:
        """Replace documents by id, or make them, in as few round trips as may be.

        Not one transaction: an error leaves some written. Doing it again is safe.
        """
        ...

    async def delete_many(self, ids: Iterable[str]) -> None:
        """Remove documents, in as few round trips as may be. What is not there is no error.

        Not one transaction: an error leaves some. Doing it again is safe.
        """
        ...

    async def update_many(
        self, changes: Mapping[str, Callable[[T | None], T | None]]
    ) -> dict[str, T | None]:
        """As `update`, for each of `changes` by id, in as few round trips as may be."""
        ...


def to_document(value: Any) -> dict[str, Any]:
    """A dataclass as Firestore's plain values. Datetimes and bytes stay what they are.

    Raises:
        TooLarge: above `MAX_DOCUMENT_BYTES` (code DOCUMENT_TOO_LARGE).
    """
    size = len(msgspec.msgpack.encode(value))
    if size > MAX_DOCUMENT_BYTES:
        raise TooLarge(
            f"a {type(value).__name__} of {size} bytes exceeds a document's {MAX_DOCUMENT_BYTES}",
            code="DOCUMENT_TOO_LARGE",
        )
    return msgspec.to_builtins(value, builtin_types=(datetime, bytes))


def from_document(document: Any, cls: type[T]) -> T:
    """What `to_document` gave, as a `cls` again. Unknown fields are ignored."""
    return msgspec.convert(_plain(document), cls)


def _plain(value: Any) -> Any:
    """Firestore's own datetime subclass as plain datetimes: msgspec takes no subclass."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime) and type(value) is not datetime:
        return datetime.fromtimestamp(value.timestamp(), tz=value.tzinfo)
    return value
