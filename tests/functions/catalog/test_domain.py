"""Uploads' states, and the track that comes of one."""

from datetime import timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.catalog import domain, uploads
from functions.catalog.domain import Described
from functions.catalog.naming import title_from
from functions.catalog.uploads import Description, Upload
from shared.errors import Invalid, TooLarge
from shared.events import Credit
from tests.functions.catalog.fakes import transcoded
from tests.web import NOW

HALF_HOUR = timedelta(minutes=30)
EVENT = transcoded({"upload_id": "u", "track_id": "t"})


def upload(**changes: object) -> Upload:
    described = Description(**{"filename": "03 - A_B.flac", "size_bytes": 5, **changes})  # type: ignore[arg-type]
    return uploads.new_upload("u", "t", described, max_bytes=10, by="label", at=NOW)


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"size_bytes": 11}, TooLarge, "TOO_LARGE"),
        ({"size_bytes": 0}, Invalid, "EMPTY_MASTER"),
        ({"isrc": "x"}, Invalid, "INVALID_ISRC"),
    ],
)
def test_a_wrong_description_has_a_named_error(changes: dict, error: type, code: str):
    with pytest.raises(error) as caught:
        upload(**changes)
    assert caught.value.code == code


def test_an_isrc_is_normalised():
    assert upload(isrc="se-abc-26-00001").isrc == "SEABC2600001"


STEPS = {
    "arrived": lambda known: uploads.arrived(known, NOW, HALF_HOUR),
    "missed": lambda known: uploads.missed(known, NOW + HALF_HOUR),
    "expired": lambda known: uploads.missed(known, NOW + uploads.EXPIRE_AFTER),
    "redriven": lambda known: uploads.redriven(known, NOW, HALF_HOUR),
    "failed": lambda known: uploads.failed(known, "NOT_AUDIO", "m", NOW),
    "ready": lambda known: uploads.ready(known, NOW),
}


@given(st.lists(st.sampled_from(list(STEPS)), max_size=12))
def test_once_ready_always_ready_and_settled_is_never_swept(steps: list[str]):
    known = reduce(lambda known, step: STEPS[step](known) or known, steps, upload())
    assert (known.status == "ready") == ("ready" in steps)
    assert (known.due_at is None) == (known.status in ("ready", "failed", "duplicate"))
    assert (known.reason is not None) == (known.status == "failed")


def test_a_step_that_changes_nothing_says_so():
    ready = uploads.ready(upload(), NOW)
    assert ready is not None
    for step in STEPS.values():
        assert step(ready) is None
    failed = uploads.failed(upload(), "NOT_AUDIO", "m", NOW)
    assert failed is not None
    assert uploads.failed(failed, "NOT_AUDIO", "m", NOW) is None


def test_a_stuck_upload_is_redriven_less_and_less_often_and_given_up():
    known = uploads.arrived(upload(), NOW, HALF_HOUR)
    waits = []
    while known is not None and known.status == uploads.TRANSCODING:
        assert known.due_at is not None
        waits.append(known.due_at - NOW)
        known = uploads.redriven(known, NOW, HALF_HOUR)
    assert waits == [HALF_HOUR * 2**n for n in range(uploads.MAX_REDRIVES + 1)]
    assert known is not None
    assert (known.status, known.reason) == ("failed", "TRANSCODE_STUCK")


def test_a_missing_master_is_looked_for_ever_less_often_until_it_expires():
    known, looks = upload(), []
    while known is not None and known.status == uploads.AWAITING_MASTER:
        assert known.due_at is not None
        looks.append((known.due_at - NOW) / timedelta(hours=1))
        known = uploads.missed(known, known.due_at)
    assert looks == [1, 2, 4, 8, 16, 32, 64, 128, 192]
    assert known is not None
    assert (known.status, known.reason) == ("failed", "UPLOAD_EXPIRED")


def test_a_duplicate_points_to_the_track_that_was_first():
    known = uploads.duplicate(upload(), "first", NOW)
    assert known is not None
    assert (known.status, known.track_id, known.due_at) == ("duplicate", "first", None)


ADA = (Credit("a", "Ada", "main"),)


def test_what_the_client_says_goes_before_tags_and_these_before_the_filename():
    said = upload(title="Said", artists=("Me",), album="Mine", isrc="SEABC2600009")
    assert domain.described(said, EVENT) == Described("Said", ("Me",), "Mine", "SEABC2600009")
    tagged = domain.described(upload(), EVENT)
    assert (tagged.title, tagged.artists) == ("Tagged title", ("Tagged artist",))
    bare = transcoded(
        {"upload_id": "u", "track_id": "t"}, title=" \x00 ", artists=("",), album=None, isrc="??"
    )
    assert domain.described(upload(), bare) == Described("A B", (), None, None)


def test_the_same_audio_again_changes_nothing_and_other_audio_is_a_revision():
    told = domain.described(upload(), EVENT)
    track = domain.transcoded(None, told, ADA, "album", EVENT, NOW)
    assert track is not None
    assert (track.artists, track.isrc, track.album_id) == (("Ada",), "SEABC2600001", "album")
    assert domain.transcoded(track, told, ADA, "album", EVENT, NOW) is None
    other = transcoded({"upload_id": "u", "track_id": "t"}, audio="other")
    after = domain.transcoded(track, told, ADA, "album", other, NOW + HALF_HOUR)
    assert after is not None
    assert (after.revision, after.created_at) == (2, NOW)


def test_audio_that_comes_later_leaves_a_described_track_as_it_is():
    known = domain.new_track("t", "Imported", ADA, "album", NOW)
    told = domain.described(upload(title="Said"), EVENT)
    after = domain.transcoded(known, told, (), "other", EVENT, NOW)
    assert after is not None
    assert (after.title, after.credits, after.album_id) == ("Imported", ADA, "album")
    assert after.audio_id == EVENT.audio_id


@pytest.mark.parametrize(
    ("filename", "title"),
    [
        ("Nocturne.flac", "Nocturne"),
        ("03 - Nocturne.flac", "Nocturne"),
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\01. Été.mp3", "Été"),
        ("1999.mp3", "1999"),
        ("日本.m4a", "日本"),
        (".flac", "Untitled"),
        ("///", "Untitled"),
        ("07.flac", "07"),
        ("a" * 2000, "a" * 500),
    ],
)
def test_a_title_from_a_filename(filename: str, title: str):
    assert title_from(filename) == title


@given(st.text())
def test_any_filename_gives_a_title(filename: str):
    assert 0 < len(title_from(filename)) <= 500
