"""Tracks that hardly anyone plays, laid beside those that are played, in parts of bounded size."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from functions.recommendations import content, known, stocking, texts
from functions.recommendations.content import Block, Unheard
from functions.recommendations.matrix import Tally, Vocabulary
from functions.recommendations.outlets import FolderOutlet
from functions.recommendations.plan import Plan
from functions.recommendations.stocking import STARTS, ReadCatalog, Words, block_of
from functions.recommendations.texts import TextModel, VectorPart
from tests.functions.recommendations.listeners_with_tastes import MONDAY, with_new, world

TODAY = date(2026, 11, 16).toordinal()
WEEK = "2026-W47"
PLAN = Plan(WEEK, "all", 1, MONDAY)


def block(count: int, seed: int = 0, prefix: str = "t", released: int = 0) -> Block:
    rng = np.random.default_rng(seed)

    def unit(width: int) -> np.ndarray:
        rows = rng.normal(size=(count, width)).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    ids = tuple(f"{prefix}{it:05d}" for it in range(count))
    return Block(ids, ("a",) * count, np.full(count, released), unit(44), unit(64))


def vocabulary(played: dict[str, int]) -> Vocabulary:
    counts = np.array(list(played.values()))
    return Vocabulary.of(Tally(tuple(played), counts, counts.astype(float), 9, int(counts.sum())))


def test_what_few_play_is_unheard_of_and_what_many_play_is_not():
    words = vocabulary({"t00000": 50, "t00001": content.FEW, "t00002": content.FEW - 1})
    found = content.unheard(block(4), words, WEEK, TODAY)
    assert set(found.tracks.ids) == {"t00002", "t00003"}


def test_a_generation_takes_so_many_the_new_ones_first_and_others_in_turn():
    words = vocabulary({})
    old = content.unheard(block(300), words, WEEK, TODAY)
    new = content.unheard(block(20, prefix="n", released=TODAY - 5), words, WEEK, TODAY)
    some = content.most_of([old, new], most=120)
    assert some.tracks.ids[:20] == new.tracks.ids
    assert content.most_of([new, old], most=120).tracks.ids == some.tracks.ids
    later = content.unheard(block(300), words, "2026-W48", TODAY + 7)
    next_ = set(content.most_of([later], most=120).tracks.ids)
    # Who had no turn this week has one soon: 100 of 300 by chance meet 120 of 300.
    assert 20 < len(next_ & set(some.tracks.ids)) < 70


def test_what_comes_out_in_the_future_is_not_new():
    coming = content.unheard(block(2, released=TODAY + 9), vocabulary({}), WEEK, TODAY)
    assert (coming.order > content.NEW_DAYS).all()


def test_the_nearest_are_the_same_in_whatever_blocks_they_come():
    whole = block(400)
    played = dict.fromkeys(whole.ids[:300], 9)
    words = vocabulary(played)
    unheard = content.unheard(whole, words, WEEK, TODAY)
    once = content.nearest([content.columns(whole, "text", unheard, words)], most=7)
    rows = [np.arange(start, start + 80) for start in range(0, 400, 80)]
    parts = [content.columns(whole.taken(it), "text", unheard, words) for it in rows]
    for order in (parts, parts[::-1]):
        assert abs(content.nearest(order, most=7) - once).max() < 1e-6
    assert np.diff(once.indptr).max() == 7


def test_nothing_grows_beyond_its_bound(monkeypatch):
    monkeypatch.setattr(content, "NEAREST", 10)
    whole = block(600)
    words = vocabulary(dict.fromkeys(whole.ids[:500], 9))
    unheard = content.most_of([content.unheard(whole, words, WEEK, TODAY)], most=50)
    found = content.columns(whole, "audio", unheard, words)
    assert found.shape == (50, 500)
    assert np.diff(found.indptr).max() <= 10


def test_a_track_does_not_speak_for_itself():
    whole = block(3)
    words = vocabulary(dict.fromkeys(whole.ids, 2))
    unheard = content.unheard(whole, words, WEEK, TODAY)
    same = replace(whole, text=np.tile(whole.text[:1], (3, 1)))
    found = content.columns(same, "text", replace(unheard, tracks=same), words)
    assert found.toarray().diagonal().tolist() == [0, 0, 0]
    assert found.nnz == 6


def test_an_unheard_of_track_lies_among_those_that_it_is_like():
    whole = block(4)
    words = vocabulary(dict.fromkeys(whole.ids[:3], 9))
    text = np.tile(whole.text[:1], (4, 1))
    text[0] = -text[1]  # the last one is like the second and third
    alike = replace(whole, text=text)
    unheard = content.unheard(alike, words, WEEK, TODAY)
    columns = content.nearest([content.columns(alike, "text", unheard, words)])
    vectors = np.eye(3, dtype=np.float32)[[words.places[it] for it in words.tracks]]
    assert content.imputed(columns, vectors)[0] == pytest.approx([0, 0.5, 0.5])


def test_features_and_words_that_are_no_numbers_are_none(tmp_path):
    known_world, _ = with_new(world(users=2, tracks=16, each=4))
    tracks = [known_world.track(it) for it in sorted(known_world.genre_of)]
    features = next(it.features for it in tracks if it.features)
    broken = replace(tracks[0], features=replace(features, energy=float("nan")))
    endless = replace(tracks[1], features=replace(features, tempo_bpm=float("inf")))
    vectors = np.full((2, known.TEXT_WIDTH), np.nan, dtype="<f2")
    vectors[1] = 1
    opened = FolderOutlet(tmp_path).open()
    ids = (broken.track_id, endless.track_id)
    opened.put(texts.MODELS, {texts.CURRENT: TextModel("m", 1, MONDAY, 2, 9)})
    opened.put(texts.VECTORS, {"m~0": VectorPart(ids, vectors.tobytes())})
    found = block_of([broken, endless], Words.of(opened))
    assert not found.audio.any()
    assert np.isfinite(found.text).all()
    assert found.text.any(axis=1).tolist() == [False, True]
    unheard = content.unheard(found, vocabulary({}), WEEK, TODAY)
    assert unheard.tracks.ids == (endless.track_id,)
    assert np.isfinite(unheard.mean).all()


def test_every_track_is_read_once_with_its_words_whatever_its_id(tmp_path):
    known_world, _ = with_new(world(users=2, tracks=400, each=4))
    known_world.write(tmp_path)
    step = ReadCatalog(PLAN, FolderOutlet(tmp_path / "documents"))
    found: list[str] = []
    for bounds in zip(STARTS, (*STARTS[1:], ""), strict=True):
        for it in step.process(bounds):
            if isinstance(it, Block):
                found += it.ids
                there = {id for id, row in zip(it.ids, it.text, strict=True) if row.any()}
                assert there == known_world.words.keys() & set(it.ids)
    assert sorted(found) == sorted(known_world.genre_of)


def test_words_that_were_put_away_meanwhile_are_none(tmp_path):
    opened = FolderOutlet(tmp_path).open()
    opened.put(texts.MODELS, {texts.CURRENT: TextModel("gone", 3, MONDAY, 9, 9)})
    words = Words.of(opened)
    assert [words.find(it) for it in ("a", "b")] == [(), ()]


def test_no_catalog_at_all_is_nothing_unheard_of():
    combine = stocking.First()
    nothing = combine.extract_output(combine.create_accumulator())
    assert isinstance(nothing, Unheard)
    assert len(nothing) == 0
    assert content.columns(block(3), "text", nothing, vocabulary({"t00000": 9})).nnz == 0
