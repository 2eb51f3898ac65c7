"""The player's state: plain values, commands and time."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.playback import player
from functions.playback.player import MAX_DEVICES, MAX_QUEUE, Device, Item, Player, Refused
from tests.web import NOW

PHONE, SPEAKER = "phone", "speaker"
ITEMS = tuple(Item(f"track {n}", 60_000) for n in range(5))


def at(seconds: float):
    return NOW + timedelta(seconds=seconds)


def ready(**changes) -> Player:
    made = Player("ada", "epoch")
    for id in (PHONE, SPEAKER):
        made = player.with_device(made, Device(id, id.title(), "Speaker", 50, NOW))
    return replace(made, **changes)


def playing(items=ITEMS, start: int = 0, state: Player | None = None, **more) -> Player:
    facts = {"context_uri": None, "position_ms": 0, "device_id": PHONE, "at": NOW, "seed": 1}
    return player.play(state or ready(), items, start=start, **{**facts, **more})


def heard(state: Player, seconds: float) -> tuple[str | None, int]:
    now = player.settled(state, at(seconds))
    return (now.current.track_id if now.current else None), now.progress_ms


def test_time_passes_through_the_tracks_and_ends_idle():
    state = playing(ITEMS[:2])
    assert heard(state, 0) == ("track 0", 0)
    assert heard(state, 59.999) == ("track 0", 59_999)
    assert heard(state, 60) == ("track 1", 0)
    assert heard(state, 119) == ("track 1", 59_000)
    assert heard(state, 120) == (None, 0)
    assert not player.settled(state, at(120)).playing


def test_a_pause_stands_still_and_lets_its_stream_go():
    state = player.pause(playing(), None, at(10))
    assert heard(state, 1000) == ("track 0", 10_000)
    again = player.resume(state, SPEAKER, at(1000))
    assert (again.active, heard(again, 1005)) == (SPEAKER, ("track 0", 15_000))


def test_what_is_queued_comes_first_and_then_the_context_goes_on():
    state = playing()
    for name in ("x", "y"):
        state = player.enqueue(state, Item(name, 10_000), None, NOW)
    assert [it.track_id for it in player.upcoming(state, 3)] == ["x", "y", "track 1"]
    assert heard(state, 65) == ("x", 5000)
    assert heard(state, 75) == ("y", 5000)
    assert heard(state, 85) == ("track 1", 5000)


def test_next_is_the_next_of_what_is_heard():
    state = player.skip(playing(), None, at(61))
    assert heard(state, 61) == ("track 2", 0)


def test_previous_restarts_a_track_that_has_begun():
    state = playing(start=2)
    assert heard(player.back(state, None, at(10)), 10) == ("track 2", 0)
    assert heard(player.back(state, None, at(1)), 1) == ("track 1", 0)


@pytest.mark.parametrize(
    ("command", "code", "word"),
    [
        (lambda it: player.skip(replace(it, index=4), None, NOW), "NO_NEXT_TRACK", None),
        (lambda it: player.back(it, None, NOW), "NO_PREV_TRACK", None),
        (lambda it: player.pause(replace(it, active=None), None, NOW), "NO_ACTIVE_DEVICE", None),
        (lambda it: player.pause(it, "tv", NOW), "DEVICE_NOT_FOUND", "NO_ACTIVE_DEVICE"),
        (lambda it: player.transfer(it, "tv", True, NOW), "DEVICE_NOT_FOUND", "NO_ACTIVE_DEVICE"),
        (lambda it: playing((), state=it), "NOTHING_TO_PLAY", "UNKNOWN"),
        (lambda it: playing(start=5, state=it), "OFFSET_OUTSIDE", "UNKNOWN"),
        (lambda it: player.seek(ready(active=PHONE), 1, None, NOW), "NOTHING_TO_PLAY", None),
        (lambda it: player.resume(ready(), PHONE, NOW), "NOTHING_TO_PLAY", "UNKNOWN"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_code_and_the_players_word(command, code, word):
    with pytest.raises(Refused) as refused:
        command(playing())
    assert refused.value.code == code
    if word:
        assert refused.value.word == word


def test_a_track_repeats_and_a_context_goes_round_for_ever():
    one = player.set_repeat(playing(), "track", None, NOW)
    assert heard(one, 60 * 7 + 3) == ("track 0", 3000)
    all_of_it = player.set_repeat(playing(), "context", None, NOW)
    assert heard(all_of_it, 60 * 6 + 3) == ("track 1", 3000)
    years = 3 * 365 * 86_400
    assert heard(all_of_it, years + 3) == heard(all_of_it, years % 300 + 3)


def test_shuffle_keeps_what_plays_and_gives_the_order_back():
    items = tuple(Item(f"{n}", 60_000) for n in range(50))
    state = playing(items, start=10)
    mixed = player.set_shuffle(state, True, None, at(1), 3)
    assert heard(mixed, 1) == ("10", 1000)
    ahead = [it.track_id for it in player.upcoming(mixed, 100)]
    assert sorted(ahead, key=int) == [str(n) for n in range(11, 50)]
    assert ahead != sorted(ahead, key=int)
    later = player.skip(mixed, None, at(2))
    plain = player.set_shuffle(later, False, None, at(3), 3)
    assert plain.items == items
    assert plain.items[plain.index].track_id == heard(later, 3)[0]


def test_seeking_beyond_the_end_is_the_next_track():
    assert heard(player.seek(playing(), 60_000, None, NOW), 0) == ("track 1", 0)
    assert heard(player.seek(playing(), 59_000, None, NOW), 0) == ("track 0", 59_000)


def test_one_device_is_active_and_what_plays_moves_with_it():
    state = player.transfer(playing(), SPEAKER, None, at(5))
    assert (state.active, state.playing, heard(state, 6)) == (SPEAKER, True, ("track 0", 6000))
    still = player.pause(state, None, at(7))
    assert not player.transfer(still, PHONE, False, at(8)).playing
    assert player.transfer(still, PHONE, True, at(8)).playing


def test_a_device_that_leaves_stops_what_it_played():
    state = player.without_device(playing(), PHONE, at(5))
    assert (state.active, state.playing, heard(state, 99)) == (None, False, ("track 0", 5000))
    assert [it.device_id for it in state.devices] == [SPEAKER]


def test_devices_are_bounded_and_the_active_one_stays():
    state = playing()
    for n in range(MAX_DEVICES * 2):
        state = player.with_device(state, Device(f"{n}", "x", "TV", 1, at(n + 1)))
    assert len(state.devices) == MAX_DEVICES
    assert PHONE in {it.device_id for it in state.devices}


def test_the_queue_is_bounded():
    state = playing()
    for _ in range(MAX_QUEUE):
        state = player.enqueue(state, ITEMS[0], None, NOW)
    with pytest.raises(Refused, match="holds"):
        player.enqueue(state, ITEMS[0], None, NOW)


def test_volume_is_the_devices_own():
    state = player.set_volume(playing(), 7, SPEAKER)
    assert {it.device_id: it.volume_percent for it in state.devices} == {PHONE: 50, SPEAKER: 7}


def commanded(name: str, state: Player, now, rng: random.Random) -> Player:
    return {
        "next": lambda: player.skip(state, None, now),
        "previous": lambda: player.back(state, None, now),
        "pause": lambda: player.pause(state, None, now),
        "resume": lambda: player.resume(state, None, now),
        "seek": lambda: player.seek(state, rng.randrange(100_000), None, now),
        "queue": lambda: player.enqueue(state, Item("q", 5000), None, now),
        "shuffle": lambda: player.set_shuffle(state, rng.random() < 0.5, None, now, 5),
        "repeat": lambda: player.set_repeat(state, rng.choice(player.REPEATS), None, now),
        "transfer": lambda: player.transfer(state, rng.choice([PHONE, SPEAKER]), None, now),
    }[name]()


COMMANDS = ["next", "previous", "pause", "resume", "seek", "queue", "shuffle", "repeat", "transfer"]
_commands = st.lists(st.tuples(st.sampled_from(COMMANDS), st.integers(0, 400)), max_size=40)


@given(_commands, st.integers(0, 1000))
def test_whatever_is_commanded_the_state_holds_together(commands, seed):
    rng, state, seconds = random.Random(seed), playing(), 0.0
    for name, later in commands:
        seconds += later
        now = at(seconds)
        try:
            state = commanded(name, state, now, rng)
        except Refused:
            continue
        assert state.active in {it.device_id for it in state.devices}
        assert sorted(state.order) == list(range(len(state.items)))
        if state.current is None:
            assert not state.playing
        else:
            assert 0 <= state.progress_ms <= state.current.duration_ms
        assert {it.track_id for it in state.items} <= {it.track_id for it in ITEMS}
        later_on = player.settled(state, now + timedelta(hours=5))
        assert player.settled(later_on, now + timedelta(hours=5)) == later_on
