"""Media time against the clock."""

from segue.playhead import Playhead


def test_playing_begins_when_enough_is_buffered() -> None:
    head = Playhead(start_s=4.0).append(2.0)
    assert not head.playing
    assert head.append(2.0).playing


def test_short_track_begins_with_its_last_chunk() -> None:
    assert Playhead(start_s=4.0).append(2.0, last=True).playing


def test_heard_follows_the_clock() -> None:
    head = Playhead(start_s=0.0, at_s=10.0).append(6.0).advance(12.5)
    assert (head.heard_s, head.ahead_s, head.stalls) == (2.5, 3.5, 0)


def test_dry_buffer_is_one_stall_until_it_fills_again() -> None:
    head = Playhead(start_s=2.0).append(2.0).advance(3.0).advance(9.0)
    assert (head.heard_s, head.stalls, head.playing) == (2.0, 1, False)
    head = head.append(2.0).advance(10.0)
    assert (head.heard_s, head.stalls) == (3.0, 1)


def test_end_of_the_track_is_no_stall() -> None:
    head = Playhead(start_s=0.0).append(2.0, last=True).advance(5.0, ended=True)
    assert (head.heard_s, head.stalls) == (2.0, 0)
