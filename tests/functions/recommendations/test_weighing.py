"""Weights of sources follow what held-out listeners play, where enough is known, and it gains."""

import numpy as np

from functions.recommendations import weighing
from functions.recommendations.blending import WEIGHTS
from functions.recommendations.weighing import FITTED, Examples

LISTENING, AUDIO, TEXT, SOCIAL, CHARTS = range(len(FITTED))


def world(listeners: int, telling: dict[int, float], seed: int = 1) -> Examples:
    """Pools of 60 tracks, sparse scores; what is hidden follows the `telling` sources."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(listeners):
        scores = rng.random((len(FITTED), 60)) * (rng.random((len(FITTED), 60)) < 0.6)
        value = sum(weight * scores[it] for it, weight in telling.items())
        hits = rng.random(60) < 1 / (1 + np.exp(-(4 * value - 4)))
        parts.append(weighing.example(FITTED, scores.astype(np.float32), hits, np.ones(60), number))
    return Examples.sum(parts)


def test_a_source_that_tells_more_than_was_thought_counts_more():
    found = weighing.fit(world(800, {LISTENING: 0.5, AUDIO: 1.0}))
    assert found.adopted
    assert found.found > found.prior_found
    assert found.values["audio"] > 2 * WEIGHTS["audio"]
    assert found.values["listening"] == WEIGHTS["listening"]
    assert found.values["charts"] < WEIGHTS["charts"]


def test_every_source_keeps_a_floor_and_what_was_not_judged_its_own():
    found = weighing.fit(world(800, {AUDIO: 1.0}))
    for name in FITTED:
        share = found.values[name] / WEIGHTS[name]
        assert weighing.LEAST - 1e-6 <= share <= weighing.HIGHEST + 1e-6
    assert found.values["fresh"] == WEIGHTS["fresh"]
    assert found.values.keys() == WEIGHTS.keys()


def test_few_listeners_change_nothing():
    found = weighing.fit(world(100, {AUDIO: 1.0}))
    assert found.values == WEIGHTS
    assert not found.adopted
    assert "too few" in found.why
    assert not weighing.fit(Examples.nothing()).adopted


def test_listeners_of_one_half_only_are_no_judgement():
    whole = world(800, {AUDIO: 1.0})
    found = weighing.fit(whole.taken(whole.listeners % 2 == 0))
    assert found.values == WEIGHTS
    assert np.isfinite([found.found, found.prior_found]).all()


def test_a_fit_that_gains_nothing_is_not_adopted():
    telling = {at: WEIGHTS[name] for at, name in enumerate(FITTED)}
    found = weighing.fit(world(500, telling))
    assert found.values == WEIGHTS
    assert "no gain" in found.why


def test_hits_that_few_were_exposed_to_count_more():
    shares = weighing.exposure(np.array([100.0, 25.0, 0.0]))
    assert shares.tolist() == [1.0, 0.5, weighing.LEAST_EXPOSED]
    one = weighing.example(FITTED, np.ones((5, 2)), np.array([True, True]), np.array([1, 0.25]), 0)
    assert one.counts.tolist() == [1.0, 2.0]


def test_examples_are_capped_by_listener():
    whole = world(50, {LISTENING: 1.0})
    some = Examples.sum([whole], most=1_500)
    assert 0 < len(some) <= 1_500
    assert set(np.bincount(some.listeners.astype(int)).tolist()) == {0, 60}
