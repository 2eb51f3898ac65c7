"""What a generation keeps to show what it finds comes back as it was."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.search import cardfile, kinds, records
from functions.search.cards import TYPES, ArtistCard, TrackCard
from functions.search.codes import Codes, CodesWriter
from functions.search.document import Document
from shared.ids import LENGTH, derived_id
from shared.territories import TERRITORIES
from tests.functions.search.catalog import album, artist, credits, id_of, playlist, track, user

COVER = "ab" * 32
ADA = artist("Ada", "Ada", genres=("folk",), cover_id=COVER, popularity=7)
DUO = album("duo", "Duo", "Ada", "Eve", release_date="1999-03-01", cover_id="cd" * 32, upc="7" * 12)
EVENTS = (
    ADA,
    artist("odd", "Odd cover", cover_id="no-sha"),
    DUO,
    album("bare", "Bare"),
    track(
        "one", "One", album_id=id_of("duo"), album="Duo", album_type="album", cover_id="cd" * 32,
        album_artists=credits("Ada", "Eve"), credits=credits("Ada", "Eve"), disc_number=1,
        release_date="1999-03-01", track_number=2, isrc="SEABC9900001", blocked_markets=("NO",),
        clip_markets=("FI", "SE"),
    ),
    track("two", "Two", "Ada", album_id="x" * 22, album="Unknown", clip_markets=("*",)),
    track("three", "Three", "Somebody"),
    user("fan", "Fan"),
    playlist("mine", "Mine", owner_id=id_of("fan"), track_ids=(id_of("one"),), image_id=COVER),
    playlist("other", "Other", owner_id="nobody", track_ids=()),
)  # fmt: skip


def documents() -> list[Document]:
    of = {kind.event: kind.document for kind in kinds.KINDS.values()}
    return [of[type(event)](event) for event in EVENTS]


def written(folder: Path, documents: list[Document]) -> dict[str, cardfile.CardFile]:
    for kind in sorted({it.kind for it in documents}, key=cardfile.ordered):
        (folder / kind).mkdir()
        writer = cardfile.CardWriter(kind, folder / kind, cardfile.opened(folder))
        for document in documents:
            if document.kind == kind:
                writer.add(document)
        writer.close()
    return cardfile.opened(folder)


def test_cards_come_back_as_they_were(tmp_path: Path):
    files = written(tmp_path, documents())
    for document in documents():
        file = files[document.kind]
        row = file.row(document.id)
        assert row is not None, document.id
        card = msgspec.msgpack.decode(document.card, type=TYPES[document.kind])
        assert file.read(row) == (document.id, document.revision, card)
        assert file.revision(row) == document.revision


def test_more_sets_of_markets_than_have_a_number_come_back_too(tmp_path: Path):
    markets = sorted(TERRITORIES)
    sets = [(), ("*",), *((one, other) for one in markets[:40] for other in markets[40:80])]
    songs = [
        kinds.track(track(derived_id(str(at)), "Song", clip_markets=clips))
        for at, clips in enumerate([*sets, *sets])
    ]
    (file,) = written(tmp_path, songs).values()
    cards = [file.read(row)[2] for row in range(file.count)]
    assert [card.clips for card in cards if isinstance(card, TrackCard)] == [*sets, *sets]


def test_a_set_of_markets_costs_a_track_a_byte_at_most(tmp_path: Path):
    most = tuple(sorted(TERRITORIES))[:-3]
    sizes: list[int] = []
    for clips in ((), most):
        folder = tmp_path / f"with-{len(clips)}"
        folder.mkdir()
        songs = [track(derived_id(str(at)), "Song", clip_markets=clips) for at in range(2000)]
        written(folder, [kinds.track(song) for song in songs])
        sizes.append((folder / "track" / cardfile.NAME).stat().st_size)
    assert sizes[1] - sizes[0] < 2000 + 4 * len(most)


def test_what_was_written_before_previews_were_known_has_none():
    (song,) = (it for it in documents() if it.id == id_of("one"))
    before = msgspec.msgpack.encode(msgspec.msgpack.decode(song.card)[:-1])
    card = msgspec.msgpack.decode(before, type=TrackCard)
    assert (card.name, card.clips) == ("One", ())
    record = records.packed(card, {}, lambda cover: 0, lambda markets: 0)
    shorter = msgspec.msgpack.encode(msgspec.msgpack.decode(msgspec.msgpack.encode(record))[:-1])
    read = msgspec.msgpack.decode(shorter, type=records.TrackRecord)
    shown = records.unpacked(song.id, read, {}, lambda number: b"\xcd" * 32, records.KNOWN_SETS)
    assert shown == card


def test_an_id_that_is_not_there_has_no_row(tmp_path: Path):
    files = written(tmp_path, documents())
    assert files["track"].row(id_of("none")) is None
    assert files["track"].row("") is None


def test_a_code_leads_to_its_row(tmp_path: Path):
    files = written(tmp_path, documents())
    assert files["track"].row(id_of("one")) in files["track"].rows("isrc:SEABC9900001")
    assert files["album"].row(id_of("duo")) in files["album"].rows(f"upc:{'7' * 12}")


def test_many_blocks_are_read_like_one(tmp_path: Path):
    many = [
        kinds.artist(artist(derived_id(str(n)), f"Artist {n}", cover_id=f"{n:064x}"))
        for n in range(5 * cardfile.BLOCK_ROWS + 3)
    ]
    (file,) = written(tmp_path, many).values()
    assert file.count == len(many)
    for at in (0, cardfile.BLOCK_ROWS - 1, cardfile.BLOCK_ROWS, len(many) - 1):
        assert file.row(many[at].id) == at
        id, _, card = file.read(at)
        assert isinstance(card, ArtistCard)
        assert (id, card.name, card.cover) == (
            many[at].id, f"Artist {at}", bytes.fromhex(f"{at:064x}"),
        )  # fmt: skip


def test_a_known_album_and_its_artists_cost_a_track_nothing(tmp_path: Path):
    cover = "".join(derived_id(str(n)).encode().hex() for n in range(2))[:64]
    title, by = "A Title That Nobody Else Has", "An Artist Of A Long And Winding Name"
    made = [artist(by, by), album("album", title, by, cover_id=cover)]
    songs = [
        track(
            derived_id("song", str(n)), "Song", by, album_id=id_of("album"), album=title,
            album_type="album", cover_id=cover, album_artists=credits(by),
        )
        for n in range(400)
    ]  # fmt: skip
    every = [*map(kinds.track, songs), kinds.artist(made[0]), kinds.album(made[1])]
    written(tmp_path, every)
    assert (tmp_path / "track" / cardfile.NAME).stat().st_size < 30 * len(songs)


@given(st.text(max_size=LENGTH + 2) | st.text("0178Zz", min_size=LENGTH, max_size=LENGTH))
def test_sixteen_bytes_stand_for_one_id_alone(id: str):
    token, spelt = cardfile._token(id)
    assert len(token) == 16
    assert (cardfile.base62(token) if spelt is None else spelt) == id


@pytest.mark.parametrize("count", [0, 1, 7, 16, 300])
def test_candidates_are_few_and_hold_every_row_of_a_code(count: int):
    writer = CodesWriter()
    for number in range(count):
        writer.add(f"code {number // 2}".encode(), number)
    codes = Codes(memoryview(writer.written()))
    for number in range(count):
        found = list(codes.candidates(f"code {number // 2}".encode()))
        assert number in found
        assert len(found) < 60
