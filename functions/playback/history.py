"""What a listener played recently: a short list per user, newest first. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.events import TrackPlayed

KEPT = 50
"""As many as the Web API's recently-played ever gives."""


@dataclass(frozen=True, slots=True)
class Play:
    """One play; `played_at` is when it ended being reported as started, UTC."""

    event_id: str
    track_id: str
    played_at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """A user's latest plays, newest first."""

    user_id: str
    plays: tuple[Play, ...] = ()


def with_play(history: History, event: TrackPlayed) -> History | None:
    """The list with `event` in it; None when it is there already or older than all that is kept."""
    if any(play.event_id == event.event_id for play in history.plays):
        return None
    play = Play(event.event_id, event.track_id, event.started_at)
    plays = sorted(
        (*history.plays, play), key=lambda item: (item.played_at, item.event_id), reverse=True
    )[:KEPT]
    return replace(history, plays=tuple(plays)) if play in plays else None


def between(
    history: History, *, after: datetime | None, before: datetime | None, limit: int
) -> tuple[Play, ...]:
    """Plays strictly between two instants: the newest `limit`, or with `after` the oldest ones."""
    found = [
        play
        for play in history.plays
        if (after is None or play.played_at > after) and (before is None or play.played_at < before)
    ]
    return tuple(found[-limit:] if after is not None else found[:limit])
