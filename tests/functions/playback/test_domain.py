"""Decisions, projections and histories: plain values."""

import itertools
from datetime import datetime, timedelta
from functools import reduce

import pytest

from functions.playback.domain import (
    Grant,
    Lifetimes,
    Playable,
    grant,
    with_rights,
    with_track,
)
from functions.playback.history import KEPT, History, between, with_play
from shared.events import RightsChanged, TrackChanged
from shared.rights.shapes import Decision
from tests.functions.playback.events import TRACK, track_changed, track_played
from tests.rights import deal, rights_changed
from tests.web import NOW

HOUR = timedelta(hours=1)
LIFETIMES = Lifetimes(timedelta(minutes=2), HOUR)
READY = with_track(Playable(TRACK), track_changed()) or Playable(TRACK)
YES = Decision(True, "LICENSED", "a", 7, None)


def granted(
    decision: Decision = YES,
    playable: Playable = READY,
    plan: str = "premium",
    *,
    renews: bool = False,
) -> Grant:
    return grant(playable, decision, plan=plan, at=NOW, lifetimes=LIFETIMES, renews=renews)


def test_a_decision_opens_the_plans_tier_for_its_lifetime_and_is_named():
    until = NOW + timedelta(minutes=2)
    assert granted(renews=True) == Grant(True, "LICENSED", "a", 7, until, "high")
    assert granted(plan="free").tier == "base"


def test_who_cannot_ask_again_may_hear_the_track_once_and_no_longer_than_an_hour():
    assert granted().valid_until == NOW + timedelta(seconds=200, minutes=2)
    long = with_track(READY, track_changed(2, duration_ms=4 * 3_600_000))
    assert long is not None
    assert granted(playable=long).valid_until == NOW + HOUR
    assert granted(playable=long, renews=True).valid_until == NOW + timedelta(minutes=2)


def test_a_grant_ends_when_the_decision_does():
    ends_at = NOW + timedelta(minutes=1)
    for renews in (True, False):
        ending = granted(YES._replace(valid_until=ends_at), renews=renews)
        assert ending.valid_until == ends_at
    later = granted(YES._replace(valid_until=NOW + 2 * HOUR), renews=True)
    assert later.valid_until == NOW + timedelta(minutes=2)


def test_a_denial_opens_nothing_and_keeps_its_reason():
    denied = granted(Decision(False, "PLAN", None, 7, None))
    assert denied == Grant(False, "PLAN", version=7)
    assert granted(playable=Playable(TRACK)) == Grant(False, "TRACK_NOT_READY")


EVENTS = (
    track_changed(1),
    track_changed(2, title="Renamed"),
    rights_changed(TRACK, 1, deal()),
    rights_changed(TRACK, 2),
)


def project(playable: Playable, event: RightsChanged | TrackChanged) -> Playable:
    if isinstance(event, TrackChanged):
        return with_track(playable, event) or playable
    return with_rights(playable, event) or playable


@pytest.mark.parametrize("order", list(itertools.permutations(EVENTS)))
def test_events_in_any_order_and_twice_give_the_same_projection(order: tuple):
    once = reduce(project, order, Playable(TRACK))
    assert once == reduce(project, EVENTS, Playable(TRACK))
    assert reduce(project, order, once) == once
    assert once.title == "Renamed"
    assert (once.rights_version, once.deals) == (2, ())


def test_a_removed_track_is_not_ready():
    gone = with_track(READY, track_changed(2, removed=True))
    assert gone is not None
    assert gone.audio is None


def test_a_play_is_remembered_once_newest_first():
    events = [track_played(n, NOW + timedelta(minutes=n)) for n in (2, 0, 1, 2, 0)]
    known = reduce(lambda known, event: with_play(known, event) or known, events, History("u"))
    assert [play.played_at.minute for play in known.plays] == [2, 1, 0]


def test_no_more_plays_are_kept_than_are_ever_shown():
    known = History("u")
    for number in range(KEPT + 10):
        known = with_play(known, track_played(number, NOW + timedelta(minutes=number))) or known
    assert len(known.plays) == KEPT
    assert with_play(known, track_played(999, NOW - timedelta(days=1))) is None


def test_between_two_instants_are_the_plays_strictly_inside():
    known = History("u")
    for number in range(6):
        known = with_play(known, track_played(number, NOW + timedelta(minutes=number))) or known

    def minutes(after: int | None = None, before: int | None = None, limit: int = 20) -> list[int]:
        def at(minute: int | None) -> datetime | None:
            return None if minute is None else NOW + timedelta(minutes=minute)

        plays = between(known, after=at(after), before=at(before), limit=limit)
        return [play.played_at.minute for play in plays]

    assert minutes(limit=2) == [5, 4]
    assert minutes(before=4, limit=2) == [3, 2]
    assert minutes(after=1, limit=2) == [3, 2]
    assert minutes(after=1, before=4) == [3, 2]
