"""One request, once it is known who asks."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Response

from functions.subsonic import objects
from functions.subsonic.collection import Collections
from functions.subsonic.ids import Kind
from functions.subsonic.kept import Keeping
from functions.subsonic.objects import Stars
from functions.subsonic.parameters import Asked
from functions.subsonic.sign_in import Listener
from functions.subsonic.upstream import Web

URIS_AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class Call:
    """The parameters, the listener, the API as the listener sees it, and what is ours."""

    asked: Asked
    listener: Listener
    web: Web
    collections: Collections
    keeping: Keeping
    public_url: str
    now: datetime

    async def stars(self, kind: Kind, ids: Iterable[str]) -> Stars:
        """Since when each of these is starred, by URI; those that are not are left out."""
        uris = [f"spotify:{kind}:{id}" for id in dict.fromkeys(ids)]
        found: dict[str, str] = {}
        for at in range(0, len(uris), URIS_AT_ONCE):
            part = uris[at : at + URIS_AT_ONCE]
            since = await self.web.get("/v1/me/library/added", uris=",".join(part))
            found |= {uri: it for uri, it in zip(part, since, strict=True) if it is not None}
        return found

    async def songs(
        self, tracks: Iterable[Mapping[str, Any]], album: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """The playable ones of `tracks` as songs."""
        shown = objects.playable(tracks)
        stars = await self.stars("track", (it["id"] for it in shown))
        plan = self.listener.plan
        return [objects.song(it, stars, album=album, plan=plan) for it in shown]

    async def albums(self, albums: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Albums with all that is told of them: simple ones are asked for again, in full."""
        listed = list(albums)
        short = [it["id"] for it in listed if "tracks" not in it]
        full = await self.web.albums(short) if short else {}
        stars = await self.stars("album", (it["id"] for it in listed))
        return [objects.album(full.get(it["id"], it), stars) for it in listed]


Answer = Mapping[str, Any] | Response | None
Handle = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Method:
    """What answers one of OpenSubsonic's methods, and the parameters that it takes."""

    handle: Handle
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
