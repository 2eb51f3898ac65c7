"""What users played and liked, as far as rules of smart playlists ask for it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from functions.playlists.rules import Heard
from shared.events import TrackPlayed
from shared.gcp.documents import Documents

HEARD = "playlist_heard"
COUNTS_FROM_MS = 30_000
REMEMBERED = 20
"""Events of one track and user by which a second delivery is recognised."""
MAX_HEARD = 5_000


@dataclass(frozen=True, slots=True)
class HeardDocument:
    """One user and track. `user` holds one id: a list, by which all of a user's are found."""

    user: tuple[str, ...]
    track_id: str
    plays: int = 0
    last_played_at: int = 0
    liked: bool = False
    liked_told_at: datetime | None = None
    seen: tuple[str, ...] = ()


class Listening:
    """Plays and likes by user."""

    def __init__(self, documents: Documents[HeardDocument]) -> None:
        self._documents = documents

    async def played(self, event: TrackPlayed) -> None:
        """Count a play of thirty seconds or more, once."""
        if event.ms_played < COUNTS_FROM_MS:
            return
        at = int(event.started_at.timestamp() * 1000)

        def change(known: HeardDocument) -> HeardDocument | None:
            if event.event_id in known.seen:
                return None
            return replace(
                known,
                plays=known.plays + 1,
                last_played_at=max(known.last_played_at, at),
                seen=(*known.seen, event.event_id)[-REMEMBERED:],
            )

        await self._update(event.user_id, event.track_id, change)

    async def liked(self, user_id: str, track_id: str, liked: bool, at: datetime) -> None:
        """The user saved the track, or let it go, as of `at`."""

        def change(known: HeardDocument) -> HeardDocument | None:
            if known.liked_told_at is not None and known.liked_told_at >= at:
                return None
            return replace(known, liked=liked, liked_told_at=at)

        await self._update(user_id, track_id, change)

    async def of(self, user_id: str) -> dict[str, Heard]:
        """What the user did with each track; 5,000 tracks at most."""
        found = await self._documents.scan(("user", [user_id]), limit=MAX_HEARD)
        return {it.track_id: Heard(it.plays, it.last_played_at, it.liked) for it in found}

    async def forget(self, user_id: str) -> None:
        """Remove everything of the user's."""
        while found := await self._documents.scan(("user", [user_id]), limit=500):
            await self._documents.delete_many(f"{user_id}~{it.track_id}" for it in found)

    async def _update(
        self,
        user_id: str,
        track_id: str,
        change: Callable[[HeardDocument], HeardDocument | None],
    ) -> None:
        await self._documents.update(
            f"{user_id}~{track_id}",
            lambda known: change(known or HeardDocument((user_id,), track_id)),
        )
