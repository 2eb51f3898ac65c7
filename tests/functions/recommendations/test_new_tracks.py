"""What nobody has played is in the weekly lists of those who will like it, and nowhere else."""

from datetime import timedelta
from pathlib import Path

import pytest

from functions.recommendations import batch
from functions.recommendations.outlets import TASTES, FolderOutlet, published
from functions.recommendations.taste import Table, Taste, document
from shared.events import MixPublished, RelatedArtistsChanged
from tests.functions.recommendations.listeners_with_tastes import (
    BLOCKED,
    MONDAY,
    World,
    with_new,
    world,
)

FOUR = MONDAY + timedelta(hours=4)
Lists = dict[str, MixPublished]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[World, dict[str, str], Path]:
    """A world with forty tracks that nobody plays. The first listener follows two friends, and
    the artist of a new release."""
    folder = tmp_path_factory.mktemp("new")
    known, new = with_new(world(users=120, tracks=320, each=24))
    pattern = known.write(folder)
    users = list(known.tastes)
    theirs = [it["track_id"] for it in known.rows if it["user_id"] == users[1]]
    friend = Taste("f", ranges={"short_term": Table(dict.fromkeys(theirs, 1.0))})
    followed = known.track(release_of(known, new)).card.credits[0].artist_id
    assert followed
    tastes = {
        users[0]: Taste(users[0], users=("f1", "f2", "gone"), artists=(followed,)),
        "f1": friend,
        "f2": friend,
    }
    FolderOutlet(folder / "documents").open().put(
        TASTES, {id: document(it, FOUR) for id, it in tastes.items()}
    )
    launch, options = batch.parse(["--folder", str(folder), "--plays", pattern], FOUR)
    assert batch.run(launch, options) == "done"
    return known, new, folder


def release_of(known: World, new: dict[str, str]) -> str:
    """A new release of a genre that is not the first listener's, and that may be played."""
    first = next(iter(known.tastes.values()))
    return next(
        id
        for id in known.released
        if new[id] not in first and id not in known.blocked and id not in known.features
    )


@pytest.fixture(scope="module")
def weekly(made) -> Lists:
    _, _, folder = made
    found = published(folder / "documents", MixPublished)
    return {it.user_id: it for it in found if it.kind == "discover-weekly"}


def right(known: World, new: dict[str, str], lists: Lists) -> list[bool]:
    """For each time that a new track is listed, whether its genre is to the listener's taste."""
    return [
        new[track] in known.tastes[user]
        for user, mix in lists.items()
        for track in mix.track_ids
        if track in new
    ]


def test_new_tracks_reach_the_right_listeners(made, weekly):
    known, new, _ = made
    hits = right(known, new, weekly)
    # One or two of eight tastes: by chance a fifth of the listeners would be the right ones.
    chance = sum(map(len, known.tastes.values())) / len(known.tastes) / 8
    assert sum(hits) / len(hits) > 4 * chance
    reached = {it for mix in weekly.values() for it in mix.track_ids if it in new}
    assert len(reached) > 0.9 * len(new)
    assert {it in known.features for it in reached} == {True, False}  # by sound, and by words


def test_most_listeners_meet_some_and_lists_stay_lists(made, weekly):
    known, new, _ = made
    some = [sum(it in new for it in mix.track_ids) for mix in weekly.values()]
    assert sum(it >= 2 for it in some) > 0.9 * len(known.tastes)
    assert max(some) <= 8
    assert {len(mix.track_ids) for mix in weekly.values()} == {30}


def test_daily_mixes_have_new_tracks_of_their_taste(made):
    known, new, folder = made
    mixes = [it for it in published(folder / "documents", MixPublished) if it.kind == "daily-mix"]
    hits = [
        new[track] in known.tastes[mix.user_id]
        for mix in mixes
        for track in mix.track_ids
        if track in new
    ]
    assert len(hits) > len(known.tastes) / 2
    # Nobody plays their genres only: some mixes are of what they play by the way.
    assert sum(hits) / len(hits) > 0.5


def test_they_are_new_within_rights_and_explained(made, weekly):
    known, new, _ = made
    market = {row["user_id"]: row["territory"] for row in known.rows}
    heard = {(row["user_id"], row["track_id"]) for row in known.rows}
    words: set[str] = set()
    for user, mix in weekly.items():
        assert not any((user, it) in heard for it in mix.track_ids)
        assert market[user] != BLOCKED or known.blocked.isdisjoint(mix.track_ids)
        assert all(mix.reasons)
        words |= {
            reason.split()[0]
            for track, reason in zip(mix.track_ids, mix.reasons, strict=True)
            if track in new
        }
    assert {"Sounds", "Written"} <= words


def test_a_followed_artist_and_friends_are_heard_of_in_the_list(made, weekly):
    known, new, _ = made
    mix = weekly[next(iter(known.tastes))]
    artist = known.track(release_of(known, new)).card.credits[0].name
    assert f"New from {artist}" in mix.reasons
    assert "Your friends listen to this" in mix.reasons


def test_artists_are_told_whom_they_are_heard_with(made):
    known, _, folder = made
    told = published(folder / "documents", RelatedArtistsChanged)
    genre = {
        credit.artist_id: known.genre_of[id]
        for id in known.genre_of
        for credit in known.track(id).card.credits
    }
    assert len({it.artist_id for it in told}) == len(told) > 100
    same = [genre[it.artist_id] == genre[other] for it in told for other in it.artist_ids[:5]]
    assert sum(same) / len(same) > 0.6  # one in eight by chance
    assert not any(it.artist_id in it.artist_ids for it in told)
