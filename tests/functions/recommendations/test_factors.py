import numpy as np

from functions.recommendations import factors
from functions.recommendations.matrix import Matrix


def plays(users: int = 40, tracks: int = 25) -> Matrix:
    rng = np.random.default_rng(2)
    return Matrix((rng.random((users, tracks)) < 0.3).astype(np.float32))


def test_a_row_is_the_least_of_its_own_loss():
    known, width = plays(), 6
    rng = np.random.default_rng(0)
    items = rng.standard_normal((known.shape[1], width)).astype(np.float32)
    found = factors.solve(known, factors.Side.of(items))
    for row in range(known.shape[0]):
        own = items[known[row].indices]
        count = len(own)
        ridge = factors.STRENGTH * (count + factors.UNPLAYED * len(items)) ** factors.GROWTH
        system = own.T @ own + factors.UNPLAYED * items.T @ items + ridge * np.eye(width)
        expected = np.linalg.solve(system, own.sum(axis=0)) if count else np.zeros(width)
        assert np.allclose(found[row], expected, atol=1e-3)


def test_long_rows_and_short_rows_are_solved_alike():
    known = plays()
    items = np.random.default_rng(0).standard_normal((known.shape[1], 4)).astype(np.float32)
    narrow = factors.solve(known, factors.Side.of(items))
    wide = factors.solve(known, factors.Side.of(np.hstack([items, np.zeros((25, 40), "f")])))
    assert np.allclose(narrow, wide[:, :4], atol=1e-3)


def test_the_same_seed_gives_the_same_vectors():
    assert np.array_equal(
        factors.fit(plays(), factors=8, rounds=2), factors.fit(plays(), factors=8, rounds=2)
    )


def test_tracks_of_the_same_listeners_lie_together():
    blocks = np.kron(np.eye(2), np.ones((20, 10))).astype(np.float32)
    blocks[np.random.default_rng(1).random(blocks.shape) < 0.3] = 0
    vectors = factors.fit(Matrix(blocks), factors=8)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = unit @ unit.T
    assert likeness[:10, :10].mean() > 0.8
    assert abs(likeness[:10, 10:].mean()) < 0.3


def test_who_played_nothing_lies_nowhere():
    known = plays()
    items = np.ones((known.shape[1], 3), dtype=np.float32)
    empty = Matrix((2, known.shape[1]), dtype=np.float32)
    assert not factors.solve(empty, factors.Side.of(items)).any()


def test_short_profiles_are_held_the_more_firmly():
    long = Matrix(np.ones((4, 60), dtype=np.float32))
    short = Matrix(np.ones((4, 6), dtype=np.float32))
    assert factors.strength_of(long) == factors.STRENGTH
    assert factors.strength_of(short) > 1.5 * factors.STRENGTH
    assert factors.strength_of(Matrix((4, 6), dtype=np.float32)) == factors.STRENGTH


def test_listeners_are_folded_in_as_firmly_as_was_learned():
    known = plays()
    items = factors.fit(known, factors=8, rounds=2)
    loose, firm = (factors.Side.of(items, strength=it) for it in (0.05, 5.0))
    lengths = [np.linalg.norm(factors.solve(known, it)) for it in (loose, firm)]
    assert lengths[1] < 0.8 * lengths[0]
