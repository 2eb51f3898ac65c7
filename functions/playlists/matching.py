"""Which of our tracks a line of a file means: by our own id, by ISRC, then by search."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from functions.playlists.formats import Line
from functions.playlists.projections import Projections
from shared.errors import Unauthenticated, Unavailable
from shared.text import key

AT_ONCE = 8
TIMEOUT_S = 10
NEAR_MS = 10_000
"""Two editions of a recording seldom differ by more."""


@dataclass(frozen=True, slots=True)
class Match:
    """`by` is uri, isrc or search; without a match it is None and `reason` says why."""

    index: int
    line: Line
    uri: str | None
    by: str | None
    reason: str | None = None


class Matcher:
    """Matches lines; searches over the public API, in the user's own name."""

    def __init__(self, projections: Projections, http: httpx.AsyncClient, public_url: str) -> None:
        self._projections = projections
        self._http = http
        self._url = f"{public_url}/v1/search"

    async def match(self, lines: Sequence[Line], authorization: str) -> list[Match]:
        """A match, or none, for each line, in order.

        Raises:
            Unavailable: search did not answer.
        """
        ids = [it.uri.rpartition(":")[2] for it in lines if it.uri]
        known = await self._projections.tracks(ids)
        by_isrc = await self._by_isrc({it.isrc for it in lines if it.isrc})
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(index: int, line: Line) -> Match:
            if line.uri and line.uri.rpartition(":")[2] in known:
                return Match(index, line, line.uri, "uri")
            if line.isrc and line.isrc in by_isrc:
                return Match(index, line, by_isrc[line.isrc], "isrc")
            if not line.title:
                return Match(index, line, None, None, "NOTHING_TO_GO_BY")
            async with gate:
                uri = await self._search(line, authorization)
            return Match(index, line, uri, "search" if uri else None, None if uri else "NOT_FOUND")

        return await asyncio.gather(*(one(index, line) for index, line in enumerate(lines)))

    async def _by_isrc(self, isrcs: set[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        keys = [f"isrc:{it}" for it in sorted(isrcs)]
        for start in range(0, len(keys), 30):
            some = await self._projections.having(keys[start : start + 30])
            for it in sorted(some, key=lambda it: (not it.card.plays, it.rank)):
                if it.card.isrc:
                    found.setdefault(it.card.isrc, f"spotify:track:{it.card.track_id}")
        return found

    async def _search(self, line: Line, authorization: str) -> str | None:
        title, artist = line.title.replace('"', " "), line.artist.replace('"', " ")
        query = f'track:"{title}"' + (f' artist:"{artist.split(",")[0]}"' if artist else "")
        try:
            answer = await self._http.get(
                self._url,
                params={"q": query[:250], "type": "track", "limit": 5},
                headers={"authorization": authorization},
                timeout=TIMEOUT_S,
            )
        except httpx.HTTPError as error:
            raise Unavailable(f"search did not answer: {error!r}") from error
        if answer.status_code == 401:
            raise Unauthenticated("the token has expired", code="TOKEN_EXPIRED")
        if answer.status_code >= 500 or answer.status_code == 429:
            raise Unavailable(f"search answered {answer.status_code}")
        if answer.is_error:
            return None
        for track in answer.json()["tracks"]["items"]:
            if track and means(line, track):
                return track["uri"]
        return None


def means(line: Line, track: dict[str, Any]) -> bool:
    """Whether a track that search found is what the line says. Pure."""
    if _plain(track["name"]) != _plain(line.title):
        return False
    artists = {_plain(it["name"]) for it in track["artists"]}
    named = {_plain(it) for it in line.artist.replace(";", ",").split(",")} | {_plain(line.artist)}
    if line.artist and not artists & named:
        return False
    return line.duration_ms is None or abs(track["duration_ms"] - line.duration_ms) <= NEAR_MS


def _plain(text: str) -> str:
    return key(text.partition(" (")[0])
