"""Mixes: playlists that recommendations make for one user. Each generation replaces the items by
one batch, so that the log is the history of past weeks."""

from functions.playlists.domain import SEGUE
from functions.playlists.ops import Add, Entry, Op, Remove, Set
from functions.playlists.playlists import Playlists
from shared.events import MixPublished
from shared.ids import derived_id, parse_id

MAX_TRACKS = 500


class Mixes:
    """Puts mixes into playlists that nobody else may edit."""

    def __init__(self, playlists: Playlists) -> None:
        self._playlists = playlists

    async def publish(self, event: MixPublished) -> None:
        """Make the playlist what the mix says; safe to repeat."""
        id = parse_id(event.playlist_id, "playlist id")
        live = await self._playlists.store.live(id)
        about = Set(name=event.title[:200] or event.kind, description=event.description[:1000])
        items = tuple(Entry(f"spotify:track:{it}") for it in event.track_ids[:MAX_TRACKS])
        nonce = derived_id("mix", id, event.generation)[:16]
        if not live.state.exists:
            await self._playlists.create(
                SEGUE,
                Set(name=about.name, description=about.description, visibility="private"),
                kind="mix",
                nonce=nonce,
                playlist_id=id,
                roles={event.user_id: "viewer"},
                listed=False,
            )
            await self._playlists.shelf.follow(event.user_id, id, True, event.occurred_at)
        elif live.state.attributes.owner != SEGUE:
            return  # an id that is somebody's own is none of a mix
        ops: list[Op] = [about]
        order = (await self._playlists.store.live(id)).state.listing.order()
        if order:
            ops.append(Remove(order))
        if items:
            ops.append(Add(items))
        await self._playlists.submit(id, SEGUE, ops, nonce=nonce)
