"""What requests ask for: bodies and parameters of the Web API, as clients really send them."""

import re
from typing import Any, TypeVar

import msgspec
from fastapi import Request
from msgspec import UNSET, Struct, UnsetType

from functions.playlists.ops import Set
from shared.errors import Invalid
from shared.ids import derived_id, new_id
from shared.webapi import query

MAX_URIS = 100
MAX_POSITION = 1_000_000

T = TypeVar("T")
_USER_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_NONCE = re.compile(r"[\x21-\x7e]{1,128}")


class Details(Struct):
    """Of a new playlist, or of one that changes."""

    name: str | UnsetType = UNSET
    public: bool | UnsetType | None = UNSET
    collaborative: bool | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    visibility: str | UnsetType = UNSET

    def as_set(self) -> Set:
        """Raises Invalid: an unknown visibility."""
        values: dict[str, Any] = {}
        if self.name is not UNSET:
            values["name"] = self.name
        if self.description is not UNSET:
            values["description"] = self.description or ""
        if self.collaborative is not UNSET:
            values["collaborative"] = bool(self.collaborative)
        if self.public is not UNSET and self.public is not None:
            # Whoever has the link may edit a collaborative one: so it must work.
            hidden = "unlisted" if values.get("collaborative") else "private"
            values["visibility"] = "public" if self.public else hidden
        elif values.get("collaborative"):
            values["visibility"] = "unlisted"
        if self.visibility is not UNSET:
            if self.visibility not in ("public", "unlisted", "private"):
                message = "visibility is public, unlisted or private"
                raise Invalid(message, code="INVALID_VISIBILITY")
            values["visibility"] = self.visibility
        return Set(**values)


class Uris(Struct):
    uris: list[str] | UnsetType = UNSET
    position: int | None = None


class Reorder(Struct):
    range_start: int
    insert_before: int
    range_length: int = 1
    snapshot_id: str | None = None


class Replacement(Struct):
    """Of all items by `uris`, or of the place of some."""

    uris: list[str] | UnsetType = UNSET
    range_start: int | UnsetType = UNSET
    insert_before: int | UnsetType = UNSET
    range_length: int = 1
    snapshot_id: str | None = None


class Gone(Struct):
    uri: str
    positions: list[int] | None = None


class Removal(Struct):
    """`items` in the newer dialect, `tracks` in the older; or positions alone."""

    items: list[Gone] | None = None
    tracks: list[Gone] | None = None
    uris: list[str] | None = None
    positions: list[int] | None = None
    snapshot_id: str | None = None


_details = msgspec.json.Decoder(Details)
_uris = msgspec.json.Decoder(list[str] | Uris)
_replacement = msgspec.json.Decoder(list[str] | Replacement)
_removal = msgspec.json.Decoder(Removal)


async def details(request: Request) -> Details:
    """Raises Invalid."""
    return decoded(_details, await request.body())


async def uris(request: Request) -> Uris:
    """`?uris=a,b&position=0`, `{"uris": [], "position": 0}` or a bare `["a"]`.

    Raises:
        Invalid: none, malformed, or more than 100 (code TOO_MANY_IDS).
    """
    body = await request.body()
    found = decoded(_uris, body) if body else Uris()
    found = Uris(found) if isinstance(found, list) else found
    given = request.query_params.get("uris")
    if given:
        found.uris = query.listed(given, MAX_URIS, "uris")
    position = request.query_params.get("position")
    if position:
        found.position = query.number(position, "position", 0, 0, MAX_POSITION)
    if found.uris is UNSET:
        raise Invalid("uris is missing", code="INVALID")
    if found.position is not None and found.position < 0:
        raise Invalid("position is not negative", code="INVALID_POSITION")
    _bounded(found.uris)
    return found


async def replacement(request: Request) -> list[str] | Reorder:
    """New items in place of all, or a range to be moved. Raises as `uris`."""
    given = request.query_params.get("uris")
    if given is not None:
        return query.listed(given, MAX_URIS, "uris") if given else []
    found = decoded(_replacement, await request.body())
    if isinstance(found, list):
        return _bounded(found)
    if found.uris is not UNSET:
        return _bounded(found.uris)
    start, before = found.range_start, found.insert_before
    if start is UNSET or before is UNSET:
        raise Invalid("uris, or range_start and insert_before, are missing", code="INVALID")
    if min(start, before, found.range_length - 1) < 0:
        raise Invalid("positions are not negative", code="INVALID_POSITION")
    return Reorder(start, before, found.range_length, found.snapshot_id)


async def removal(request: Request) -> Removal:
    """Raises as `uris`."""
    body = await request.body()
    found = decoded(_removal, body) if body else Removal()
    given = request.query_params.get("uris")
    if given:
        found.uris = query.listed(given, MAX_URIS, "uris")
    named = found.items or found.tracks or [Gone(uri) for uri in found.uris or ()]
    positions = found.positions or []
    if not named and not positions:
        raise Invalid("items are missing", code="INVALID")
    _bounded([it.uri for it in named])
    count = len(positions) + sum(len(it.positions or ()) for it in named)
    if count > MAX_URIS:
        raise Invalid(f"{MAX_URIS} positions at most", code="TOO_MANY_IDS")
    return Removal(items=named, positions=positions, snapshot_id=found.snapshot_id)


def user_id(text: str) -> str:
    """Raises Invalid: no user can have that id (code INVALID_ID)."""
    if not _USER_ID.fullmatch(text):
        raise Invalid("no such user id", code="INVALID_ID")
    return text


def nonce_of(request: Request, user: str, given: str | None = None) -> str:
    """What names this very attempt: `Idempotency-Key`, or `given`; else a fresh one.

    Raises:
        Invalid: not 1 to 128 visible characters (code INVALID_NONCE).
    """
    text = given if given is not None else request.headers.get("idempotency-key")
    if text is None:
        return new_id()[:16]
    if not _NONCE.fullmatch(text):
        raise Invalid("a nonce has 1 to 128 visible characters", code="INVALID_NONCE")
    # Of the user's own: nobody else's attempt is taken for this one.
    return derived_id(user, text)[:16]


def decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Raises Invalid: there is none, or not such a body."""
    if not body:
        raise Invalid("the request has no body: JSON is expected", code="INVALID")
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Invalid(f"the body is not understood: {error}"[:300], code="INVALID") from error


def _bounded(uris: list[str]) -> list[str]:
    if len(uris) > MAX_URIS:
        raise Invalid(f"too many items: {MAX_URIS} at most", code="TOO_MANY_IDS")
    return uris
