"""Playlists and their items in the words of the Web API, in both dialects at once.

Items outlive what they point to: a track that was taken away is shown as it was, unplayable; one
that came out again is shown as what plays now, `linked_from` what was added.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from functions.playlists.covers import Mosaics, first_of
from functions.playlists.ops import Entry
from functions.playlists.playlists import Playlists, Seen
from functions.playlists.projections import Projections
from shared.webapi.cards import AlbumCard, TrackCard, UserCard
from shared.webapi.objects import Parts
from shared.webapi.shown import Shown, instant
from shared.webapi.snapshots import snapshot_id

FIRST = 100
"""Items inside a full playlist object."""


class Items:
    """Renders playlists with addresses below `public_url`."""

    def __init__(
        self, playlists: Playlists, projections: Projections, mosaics: Mosaics, public_url: str
    ) -> None:
        self._playlists = playlists
        self._projections = projections
        self._mosaics = mosaics
        self._parts = Parts(public_url)
        self._shown = Shown(public_url)
        self._url = public_url

    async def entries(self, entries: Sequence[Entry], market: str | None) -> list[dict[str, Any]]:
        """`{added_at, added_by, item, track, …}`."""
        ids = [it.uri.rpartition(":")[2] for it in entries]
        tracks = await self._projections.tracks(
            id for it, id in zip(entries, ids, strict=True) if it.uri.startswith(_TRACK)
        )
        instead = await self._instead(tracks, market)
        shown = {**tracks, **{it.track_id: it for it in instead.values()}}
        albums = await self._projections.albums.many(
            it.album_id for it in shown.values() if it.album_id
        )
        users = await self._projections.users.many(it.by for it in entries if it.by)
        return [
            self._entry(it, id, tracks.get(id), instead.get(id), albums, users, market)
            for it, id in zip(entries, ids, strict=True)
        ]

    async def simple(self, seen: Sequence[Seen]) -> list[dict[str, Any]]:
        """Playlists as they stand in lists."""
        users = await self._projections.users.many(it.attributes.owner for it in seen)
        return [self._simple(it, users, it.cover_ids) for it in seen]

    async def full(self, seen: Seen, market: str | None) -> dict[str, Any]:
        """A playlist and the first hundred of its items."""
        id = seen.attributes.playlist_id
        entries = await self._playlists.entries(seen, 0, FIRST)
        items = await self.entries(entries, market)
        followers = await self._playlists.shelf.followers(id)
        users = await self._projections.users.many([seen.attributes.owner])
        covers = await self.covers(entries)
        href = f"{self._url}/v1/playlists/{id}/items"
        page = {
            "href": f"{href}?offset=0&limit={FIRST}",
            "limit": FIRST,
            "next": f"{href}?offset={FIRST}&limit={FIRST}" if seen.count > FIRST else None,
            "offset": 0,
            "previous": None,
            "total": seen.count,
            "items": items,
        }
        return {
            **self._simple(seen, users, await self._mosaics.ready(covers)),
            "followers": {"href": None, "total": followers},
            "tracks": page,
            "items": page,
        }

    async def images(self, seen: Seen) -> list[dict[str, Any]]:
        """The playlist's own picture, or its mosaic, or its first cover."""
        if seen.attributes.image_id is not None:
            return self._parts.images(seen.attributes.image_id)
        covers = await self.covers(await self._playlists.entries(seen, 0, FIRST))
        return self._images(None, await self._mosaics.ready(covers))

    async def covers(self, entries: Sequence[Entry]) -> tuple[str, ...]:
        """The first four covers of the items."""
        return await first_of(entries, self._projections.tracks)

    async def _instead(
        self, tracks: dict[str, TrackCard], market: str | None
    ) -> dict[str, TrackCard]:
        found = await self._projections.standing_in(tracks.values())
        return {
            id: it for id, it in found.items() if market is None or market not in it.blocked_markets
        }

    def _entry(
        self,
        entry: Entry,
        id: str,
        card: TrackCard | None,
        instead: TrackCard | None,
        albums: dict[str, AlbumCard],
        users: dict[str, UserCard],
        market: str | None,
    ) -> dict[str, Any]:
        if entry.uri.startswith(_TRACK):
            used = instead or card
            album = albums.get(used.album_id or "") if used else None
            view = self._shown.track(used.track_id if used else id, used, album, market)
            if instead is not None:
                view["linked_from"] = self._parts.link("track", id)
            view |= {"track": True, "episode": False}
        else:
            view = {**self._shown.episode(id), "track": False, "episode": True}
        user = users.get(entry.by)
        return {
            "added_at": instant(datetime.fromtimestamp(entry.at / 1000, UTC)),
            "added_by": self._parts.user(entry.by, user.display_name if user else None),
            "is_local": False,
            "primary_color": None,
            "video_thumbnail": {"url": None},
            "item": view,
            "track": view,
        }

    def _simple(
        self, seen: Seen, users: dict[str, UserCard], covers: Sequence[str]
    ) -> dict[str, Any]:
        it = seen.attributes
        owner = users.get(it.owner)
        name = "Segue" if it.owner == "segue" else owner.display_name if owner else None
        href = f"{self._url}/v1/playlists/{it.playlist_id}/items"
        total = {"href": href, "total": seen.count}
        return {
            **self._parts.link("playlist", it.playlist_id),
            "collaborative": it.collaborative,
            "description": it.description,
            "images": self._images(it.image_id, covers),
            "name": it.name,
            "owner": self._parts.user(it.owner, name),
            "primary_color": None,
            "public": it.visibility == "public",
            "snapshot_id": snapshot_id(it.playlist_id, seen.revision),
            "tracks": total,
            "items": total,
        }

    def _images(self, image_id: str | None, covers: Sequence[str]) -> list[dict[str, Any]]:
        if image_id is None and covers:
            image_id = self._mosaics.known(covers)
        return self._parts.images(image_id)


_TRACK = "spotify:track:"
