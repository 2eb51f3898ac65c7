"""A page's items as objects: the cards of one page in as few reads as may be."""

from collections.abc import Sequence
from typing import Any

from functions.library.domain import Item, Kind, added_at
from functions.library.projections import Projections
from shared.webapi.cards import TrackCard
from shared.webapi.shown import Shown, instant

FIRST_TRACKS = 50
"""Tracks shown inside a saved album."""


class Items:
    """Renders what shelves hold, as far as it is known."""

    def __init__(self, projections: Projections, shown: Shown) -> None:
        self._projections = projections
        self._shown = shown

    async def saved(
        self, kind: Kind, items: Sequence[Item], market: str | None
    ) -> list[dict[str, Any]]:
        """`{added_at, track}` and so on."""
        ids = [item.item_id for item in items]
        objects = await self._objects(kind, ids, market)
        return [
            {"added_at": instant(added_at(item)), kind: view}
            for item, view in zip(items, objects, strict=True)
        ]

    async def followed_artists(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        """Full artists, as who they are now, each once."""
        cards = await self._projections.survivors(item.item_id for item in items)
        views = [self._shown.artist(it.item_id, cards.get(it.item_id)) for it in items]
        return list({view["id"]: view for view in views}.values())

    async def followed_users(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        """Public users."""
        cards = await self._projections.users.many(item.item_id for item in items)
        return [self._shown.user(item.item_id, cards.get(item.item_id)) for item in items]

    async def _objects(
        self, kind: Kind, ids: Sequence[str], market: str | None
    ) -> list[dict[str, Any]]:
        if kind == "show":
            return [self._shown.show(id) for id in ids]
        if kind == "episode":
            return [self._shown.episode(id) for id in ids]
        if kind == "album":
            return await self._albums(ids, market)
        tracks = await self._projections.tracks.many(ids)
        albums = await self._projections.albums.many(
            it.album_id for it in tracks.values() if it.album_id
        )

        def album_of(card: TrackCard | None):
            return albums.get(card.album_id or "") if card else None

        cards = [(id, tracks.get(id)) for id in ids]
        return [self._shown.track(id, card, album_of(card), market) for id, card in cards]

    async def _albums(self, ids: Sequence[str], market: str | None) -> list[dict[str, Any]]:
        albums = await self._projections.albums.many(ids)
        first = {id: it.track_ids[:FIRST_TRACKS] for id, it in albums.items()}
        tracks = await self._projections.tracks.many(id for ids in first.values() for id in ids)
        return [self._shown.album(id, albums.get(id), tracks, FIRST_TRACKS, market) for id in ids]
