"""The Web API's player: one state for all of a listener's devices.

Commands change the state and are told on the channel `user:ID`; the device that is active does
what it says. Errors carry our stable `code`, and `reason`, the player's own word for it.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from functions.playback import limits, player
from functions.playback.contexts import Contexts, is_context
from functions.playback.domain import Playable
from functions.playback.limits import SkipLimit
from functions.playback.player import MAX_ITEMS, Device, Item, Player, Refused
from functions.playback.players import Change, Players
from functions.playback.store import Playables
from functions.playback.views import Views
from shared.errors import Forbidden, Invalid
from shared.ids import parse_id
from shared.web.answers import answer
from shared.web.errors import describe
from shared.web.principal import Principal, requires
from shared.webapi.query import market as market_of

READ, READ_CURRENT = "user-read-playback-state", "user-read-currently-playing"
Reader = Annotated[Principal, Depends(requires(READ))]
Anyone = Annotated[Principal, Depends(requires())]
Controller = Annotated[Principal, Depends(requires("user-modify-playback-state"))]
Streamer = Annotated[Principal, Depends(requires("streaming"))]
Market = Annotated[str | None, Query(max_length=16)]
DeviceId = Annotated[str | None, Query(max_length=64)]
Position = Annotated[int, Query(ge=0, le=10**9)]
Percent = Annotated[int, Query(ge=0, le=100)]
Type = Literal[
    "Computer", "Tablet", "Smartphone", "Speaker", "TV", "AVR", "STB", "AudioDongle",
    "GameConsole", "CastVideo", "CastAudio", "Automobile", "Unknown",
]  # fmt: skip
_NO_STORE = {"cache-control": "no-store"}
_TRACK = "spotify:track:"


class NewDevice(BaseModel):
    """A device tells of itself."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    type: Type = "Unknown"
    volume_percent: Annotated[int, Field(ge=0, le=100)] = 100


class Transfer(BaseModel):
    """Where to go on playing."""

    model_config = ConfigDict(extra="ignore")

    device_ids: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=1)]
    play: bool | None = None


class Offset(BaseModel):
    """Where in a context to begin: its number, or its URI."""

    model_config = ConfigDict(extra="ignore")

    position: Annotated[int, Field(ge=0, le=100_000)] | None = None
    uri: Annotated[str, Field(max_length=100)] | None = None


class Start(BaseModel):
    """What to play; nothing: go on."""

    model_config = ConfigDict(extra="ignore")

    context_uri: Annotated[str, Field(max_length=100)] | None = None
    uris: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=800)] | None = (
        None
    )
    offset: Offset | None = None
    position_ms: Annotated[int, Field(ge=0, le=10**9)] | None = None


_starts = TypeAdapter(Start)


def routes(
    players: Players,
    playables: Playables,
    contexts: Contexts,
    views: Views,
    *,
    now: Callable[[], datetime],
    seed: Callable[[], int],
) -> APIRouter:
    """`/v1/me/player` and all below it but recently-played."""
    router = APIRouter()

    async def known(state: Player, most: int = 1) -> dict[str, Playable]:
        current = [state.current] if state.current else []
        ahead = player.upcoming(state, most) if most > 1 else ()
        return await playables.find_many(it.track_id for it in (*current, *ahead))

    def told(market: str | None) -> Callable[[Player], Any]:
        async def view(state: Player) -> object:
            return {"player": views.player(state, await known(state), now(), market)}

        return view

    async def command(listener: Principal, change: Change) -> Response:
        try:
            await players.change(listener.user_id, change, told(listener.territory))
        except Refused as refused:
            return _refusal(refused)
        except SkipLimit as limit:
            more = {"limit": limit.limit, "retry_at": limit.retry_at}
            return _refused(403, limit.message, limit.code, "RATE_LIMITED", **more)
        return Response(None, 204, _NO_STORE)

    async def items_of(ids: list[str]) -> list[Item]:
        """Those of the tracks that have audio."""
        found = await playables.find_many(ids)
        return [
            Item(id, max(1, audio.duration_ms))
            for id in ids
            if id in found and (audio := found[id].audio) is not None
        ]

    @router.get("/v1/me/player")
    async def get_player(
        reader: Reader, market: Market = None, additional_types: Market = None
    ) -> Response:
        wanted = market_of(market, reader.territory)
        state = player.settled(await players.find(reader.user_id), now())
        view = views.player(state, await known(state), now(), wanted or reader.territory)
        return answer(view, headers=_NO_STORE) if view else Response(None, 204, _NO_STORE)

    @router.get("/v1/me/player/currently-playing")
    async def get_playing(
        reader: Anyone, market: Market = None, additional_types: Market = None
    ) -> Response:
        if not reader.scopes & {READ, READ_CURRENT}:
            raise Forbidden(f"needs scope {READ_CURRENT}", code="INSUFFICIENT_SCOPE")
        wanted = market_of(market, reader.territory)
        state = player.settled(await players.find(reader.user_id), now())
        view = views.playing(state, await known(state), now(), wanted or reader.territory)
        return answer(view, headers=_NO_STORE) if view else Response(None, 204, _NO_STORE)

    @router.get("/v1/me/player/devices")
    async def get_devices(reader: Reader) -> Response:
        state = await players.find(reader.user_id)
        shown = [views.device(it, state.active) for it in state.devices]
        return answer({"devices": shown}, headers=_NO_STORE)

    @router.get("/v1/me/player/queue")
    async def get_queue(reader: Reader) -> Response:
        state = player.settled(await players.find(reader.user_id), now())
        shown = views.queue(state, await known(state, 20), now(), reader.territory)
        return answer(shown, headers=_NO_STORE)

    @router.get("/v1/me/player/changes")
    async def get_changes(
        reader: Reader,
        epoch: Annotated[str | None, Query(max_length=64)] = None,
        since: Annotated[int | None, Query(ge=0)] = None,
    ) -> Response:
        """The channel `user:ID`: one state follows another, so the latest is all that is kept."""
        state = await players.find(reader.user_id)
        recovered = epoch == state.epoch and since == state.seq
        shown = views.player(state, await known(state), now(), reader.territory)
        body = {
            "epoch": state.epoch,
            "tail": state.seq,
            "recovered": recovered,
            "pubs": [],
            "snapshot": None if recovered else {"player": shown},
        }
        return answer(body, headers=_NO_STORE)

    @router.put("/v1/me/player/devices/{device_id}")
    async def put_device(device_id: str, asked: NewDevice, listener: Streamer) -> Response:
        id, at = parse_id(device_id, "device id"), now()
        device = Device(id, asked.name, asked.type, asked.volume_percent, at)
        return await command(listener, lambda it: player.with_device(it, device))

    @router.delete("/v1/me/player/devices/{device_id}")
    async def delete_device(device_id: str, listener: Streamer) -> Response:
        id, at = parse_id(device_id, "device id"), now()

        def change(it: Player) -> Player:
            left = player.without_device(it, id, at)
            return replace(left, leases=limits.released(left.leases, id))

        return await command(listener, change)

    @router.put("/v1/me/player")
    async def put_player(asked: Transfer, listener: Controller) -> Response:
        if not asked.device_ids:
            raise Invalid("device_ids is empty", code="INVALID")
        id, at = asked.device_ids[0], now()
        return await command(listener, lambda it: player.transfer(it, id, asked.play, at))

    @router.put("/v1/me/player/play")
    async def put_play(
        listener: Controller, request: Request, device_id: DeviceId = None
    ) -> Response:
        asked = _start(await request.body())
        if asked.context_uri is None and asked.uris is None:
            at = now()
            if asked.position_ms is not None:
                to = asked.position_ms
                return await command(
                    listener,
                    lambda it: player.seek(player.resume(it, device_id, at), to, device_id, at),
                )
            return await command(listener, lambda it: player.resume(it, device_id, at))
        try:
            ids = await ids_of(asked, listener, request)
            items = await items_of(ids)
        except Refused as refused:
            return _refusal(refused)
        start, at, random_seed = _first(asked.offset, ids, items), now(), seed()
        return await command(
            listener,
            lambda it: player.play(
                it,
                items,
                context_uri=asked.context_uri,
                start=start,
                position_ms=asked.position_ms or 0,
                device_id=device_id,
                at=at,
                seed=random_seed,
            ),
        )

    async def ids_of(asked: Start, listener: Principal, request: Request) -> list[str]:
        if asked.context_uri is not None:
            if not is_context(asked.context_uri):
                raise Invalid("context_uri is no album, artist or playlist", code="INVALID_URI")
            token = request.headers["authorization"].partition(" ")[2].strip()
            return await contexts.tracks(asked.context_uri, token, listener.territory)
        return [_track_id(uri) for uri in (asked.uris or [])[:MAX_ITEMS]]

    @router.put("/v1/me/player/pause")
    async def put_pause(listener: Controller, device_id: DeviceId = None) -> Response:
        at = now()
        return await command(listener, lambda it: player.pause(it, device_id, at))

    @router.put("/v1/me/player/seek")
    async def put_seek(
        listener: Controller, position_ms: Position, device_id: DeviceId = None
    ) -> Response:
        at = now()
        return await command(listener, lambda it: player.seek(it, position_ms, device_id, at))

    @router.put("/v1/me/player/repeat")
    async def put_repeat(
        listener: Controller,
        state: Literal["off", "track", "context"],
        device_id: DeviceId = None,
    ) -> Response:
        at = now()
        return await command(listener, lambda it: player.set_repeat(it, state, device_id, at))

    @router.put("/v1/me/player/volume")
    async def put_volume(
        listener: Controller, volume_percent: Percent, device_id: DeviceId = None
    ) -> Response:
        return await command(listener, lambda it: player.set_volume(it, volume_percent, device_id))

    @router.put("/v1/me/player/shuffle")
    async def put_shuffle(
        listener: Controller, state: bool, device_id: DeviceId = None
    ) -> Response:
        at, random_seed = now(), seed()
        return await command(
            listener,
            lambda it: player.set_shuffle(it, state, device_id, at, random_seed),
        )

    @router.post("/v1/me/player/next")
    async def post_next(listener: Controller, device_id: DeviceId = None) -> Response:
        at = now()

        def change(it: Player) -> Player:
            after = player.skip(it, device_id, at)
            skips = limits.skipped(it.skips, product=listener.product, at=at)
            return replace(after, skips=skips)

        return await command(listener, change)

    @router.post("/v1/me/player/previous")
    async def post_previous(listener: Controller, device_id: DeviceId = None) -> Response:
        at = now()
        return await command(listener, lambda it: player.back(it, device_id, at))

    @router.post("/v1/me/player/queue")
    async def post_queue(
        listener: Controller,
        uri: Annotated[str, Query(max_length=100)],
        device_id: DeviceId = None,
    ) -> Response:
        items, at = await items_of([_track_id(uri)]), now()
        if not items:
            refused = Refused(404, "TRACK_NOT_FOUND", "There is no such track", "NO_SPECIFIC_TRACK")
            return _refusal(refused)
        return await command(listener, lambda it: player.enqueue(it, items[0], device_id, at))

    return router


def _start(body: bytes) -> Start:
    """The body of `play`, which clients leave out, or send empty, null or as an empty object."""
    if not body.strip():
        return Start()
    try:
        return _starts.validate_python(json.loads(body) or {})
    except ValidationError as error:
        raise Invalid(describe(error.errors(include_url=False, include_input=False))) from error
    except (ValueError, RecursionError) as error:
        raise Invalid("the body is not JSON") from error


def _first(offset: Offset | None, ids: list[str], items: list[Item]) -> int:
    """The place of `offset` among `items`, those of `ids` that can be played."""
    if offset is None:
        return 0
    if offset.uri is not None:
        wanted = _track_id(offset.uri)
    elif offset.position is not None and offset.position < len(ids):
        wanted = ids[offset.position]
        # The same track may come twice: count the playable ones before it.
        playable = {it.track_id for it in items}
        if wanted in playable:
            return sum(id in playable for id in ids[: offset.position])
    elif offset.position is None:
        return 0
    else:
        return len(items)
    return next((n for n, it in enumerate(items) if it.track_id == wanted), len(items))


def _track_id(uri: str) -> str:
    if not uri.startswith(_TRACK):
        raise Invalid("not the URI of a track", code="INVALID_URI")
    return parse_id(uri.removeprefix(_TRACK), "track URI")


def _refusal(refused: Refused) -> Response:
    return _refused(refused.status, refused.message, refused.code, refused.word)


def _refused(status: int, message: str, code: str, word: str, **more: object) -> Response:
    """Both the stable code and the player's word: `shared.web.dialect` tells why two."""
    error = {"status": status, "message": message, "reason": word, "code": code, **more}
    return answer({"error": error}, status, _NO_STORE)
