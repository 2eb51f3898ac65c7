import numpy as np
from scipy import sparse

from functions.recommendations import ridge
from functions.recommendations.matrix import Matrix, Profiles, Tally, Vocabulary, row_bounds


def profiles(users: int = 60, tracks: int = 30, seed: int = 1) -> Profiles:
    rng = np.random.default_rng(seed)
    rows = Matrix((rng.random((users, tracks)) < 0.3).astype(np.float32))
    return Profiles(
        tuple(f"user{it}" for it in range(users)), tuple(f"t{it:02}" for it in range(tracks)), rows
    )


def fitted(known: Profiles) -> tuple[Vocabulary, Matrix, np.ndarray]:
    vocabulary = Vocabulary.of(Tally.of(known))
    rows = vocabulary.index(known)
    return vocabulary, rows, ridge.fit(rows, vocabulary.evened, vocabulary.scale).toarray()


def test_with_everything_near_it_is_the_closed_form():
    vocabulary, rows, weights = fitted(profiles())
    played = ridge.evened(rows).toarray()
    gram = played.T @ played
    for track in range(len(vocabulary)):
        near = [it for it in range(len(vocabulary)) if it != track and gram[track, it] > 0]
        system = gram[np.ix_(near, near)] + np.diag(
            ridge.LAMBDA / vocabulary.scale
            + ridge.DROPOUT / (1 - ridge.DROPOUT) * vocabulary.evened[near]
        )
        expected = np.linalg.solve(system, gram[near, track])
        assert np.allclose(weights[near, track], expected, atol=1e-4)


def test_a_track_says_nothing_for_itself():
    assert not np.diag(fitted(profiles())[2]).any()


def test_blocks_that_hold_little_at_once_give_the_same_weights():
    vocabulary, rows, weights = fitted(profiles())
    played = ridge.evened(rows)
    both = Matrix(played.T @ played)
    both.sort_indices()
    near = ridge.neighbourhoods(both, 0, vocabulary.evened)
    parts = [
        (
            it.rows,
            ridge.solve(
                it, both[it.needed][:, it.needed].toarray(), vocabulary.evened, vocabulary.scale
            ),
        )
        for it in ridge.blocks(near, 0, together=31)
    ]
    assert len(parts) > 1 or len(vocabulary) <= 31
    assert np.allclose(ridge.columns(parts, len(vocabulary)).toarray(), weights, atol=1e-5)


def test_a_block_needs_no_more_than_it_may_hold():
    known = profiles(200, 120)
    vocabulary = Vocabulary.of(Tally.of(known))
    played = ridge.evened(vocabulary.index(known))
    both = Matrix(played.T @ played)
    near = ridge.neighbourhoods(both, 0, vocabulary.evened, most=10)
    found = list(ridge.blocks(near, 0, together=40))
    assert max(len(it.needed) for it in found) <= 40
    assert sorted(np.concatenate([it.rows for it in found])) == list(range(len(vocabulary)))


def test_a_neighbourhood_holds_the_nearest():
    both = Matrix(np.array([[4.0, 2, 1], [2, 2, 0], [1, 0, 9]]))
    near = ridge.neighbourhoods(both, 0, np.array([4.0, 2, 9]), most=1)
    assert near[0].indices.tolist() == [1]


def test_no_numbers_give_no_weights():
    vocabulary, rows, _ = fitted(profiles(20, 6))
    played = ridge.evened(rows)
    both = Matrix(played.T @ played)
    near = ridge.neighbourhoods(both, 0, vocabulary.evened)
    (block,) = ridge.blocks(near, 0)
    broken = both.copy()
    broken.data[:] = np.nan
    weights = ridge.solve(block, broken.toarray(), vocabulary.evened, vocabulary.scale)
    assert not weights.data.any()


def test_halves_of_tiles_make_the_whole():
    both = profiles(50, 40).rows
    both = Matrix(both.T @ both)
    needed = np.array([1, 5, 6, 20, 39])
    halves = [ridge.half(Matrix(both[a:b]), a, needed) for a, b in ((0, 6), (6, 30), (30, 40))]
    assert np.array_equal(ridge.whole(halves, 5), both[needed][:, needed].toarray())


def test_tiles_of_much_played_tracks_are_short():
    assert row_bounds([900, 300, 200, 100, 1, 1], budget=600).tolist() == [0, 1, 4, 6]
    assert row_bounds([1] * 10, budget=100, longest=4).tolist() == [0, 4, 8, 10]
    assert row_bounds([], budget=5).tolist() == [0]


def test_tallies_add_up_whatever_the_parts():
    known = profiles()
    half = [
        Profiles(known.users[at], known.tracks, known.rows[at])
        for at in (slice(0, 25), slice(25, 60))
    ]
    whole, parts = Tally.of(known), Tally.sum(Tally.of(it) for it in half)
    assert Vocabulary.of(parts).tracks == Vocabulary.of(whole).tracks
    assert np.allclose(Vocabulary.of(parts).evened, Vocabulary.of(whole).evened)


def test_an_empty_world_has_an_empty_model():
    nobody = Profiles((), (), Matrix((0, 0), dtype=np.float32))
    vocabulary = Vocabulary.of(Tally.of(nobody))
    assert len(vocabulary) == 0
    assert ridge.fit(vocabulary.index(nobody), vocabulary.evened, 1.0).shape == (0, 0)


def test_columns_out_of_order_find_their_places():
    part = Matrix(sparse.csr_matrix(np.array([[0, 1.0, 0], [2.0, 0, 0]])))
    found = ridge.columns([(np.array([2, 0]), part)], 3).toarray()
    assert found.tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0]] or found[1, 2] == 1
    assert found[0, 0] == 2
