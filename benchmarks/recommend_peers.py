"""What others do: popularity, ItemKNN, RP3beta, EASE, and the `implicit` library's ALS and BPR.

Parameters were chosen on a validation part.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.recommend_data import Matrix
from benchmarks.recommend_metrics import Score
from benchmarks.recommend_towers import two_towers

Fit = Callable[[Matrix], Score]


def popularity(known: Matrix) -> Score:
    listeners = np.asarray(known.sum(axis=0), dtype=np.float32).ravel()
    return lambda rows: np.tile(listeners, (len(rows), 1))


def item_knn(known: Matrix, shrink: float = 10, most: int = 200) -> Score:
    """Cosine of the listeners, shrunk."""
    both = sparse.coo_matrix(known.T @ known)
    listeners = np.asarray(known.sum(axis=0)).ravel()
    off = both.row != both.col
    row, column = both.row[off], both.col[off]
    value = both.data[off] / (np.sqrt(listeners[row] * listeners[column]) + shrink)
    return _through(known, _top(Matrix((value, (row, column)), shape=both.shape), most))


def rp3beta(known: Matrix, alpha: float = 0.4, beta: float = 0.4, most: int = 200) -> Score:
    """Random walks of three steps, popular ends dampened (Paudel et al., 2017)."""
    of_user = sparse.diags(1 / np.maximum(np.asarray(known.sum(axis=1)).ravel(), 1))
    listeners = np.maximum(np.asarray(known.sum(axis=0)).ravel(), 1)
    forward = Matrix(of_user @ known).power(alpha)
    back = Matrix(sparse.diags(1 / listeners) @ known.T).power(alpha)
    walk = Matrix(back @ forward) @ sparse.diags(listeners**-beta)
    walk = Matrix(walk)
    walk.setdiag(0)
    return _through(known, _top(Matrix(walk), most))


def ease(known: Matrix, ridge: float = 200.0) -> Score:
    """All items x all items, inverted at once (Steck, WWW 2019); items of two listeners on."""
    listeners = np.asarray(known.sum(axis=0)).ravel()
    kept = np.flatnonzero(listeners >= 2)
    part = Matrix(known[:, kept])
    gram = (part.T @ part).toarray().astype(np.float32)
    gram.flat[:: len(kept) + 1] += ridge
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)

    def score(rows: np.ndarray) -> np.ndarray:
        found = np.full((len(rows), known.shape[1]), -1e9, dtype=np.float32)
        found[:, kept] = part[rows] @ weights
        return found

    return score


def implicit_als(known: Matrix) -> Score:
    """Untuned, as the library comes."""
    return _implicit(known, "als")


def implicit_als_tuned(known: Matrix) -> Score:
    return _implicit(known, "als", factors=256, regularization=50.0, alpha=10.0)


def implicit_bpr(known: Matrix) -> Score:
    return _implicit(known, "bpr", factors=64, iterations=200)


def _implicit(known: Matrix, kind: str, **options: float) -> Score:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from implicit.als import AlternatingLeastSquares
        from implicit.bpr import BayesianPersonalizedRanking

        make = {"als": AlternatingLeastSquares, "bpr": BayesianPersonalizedRanking}[kind]
        model = make(num_threads=1, random_state=0, **options)
        model.fit(known, show_progress=False)
    return lambda rows: model.user_factors[rows] @ model.item_factors.T


def _through(known: Matrix, weights: Matrix) -> Score:
    return lambda rows: (known[rows] @ weights).toarray()


def _top(weights: Matrix, most: int) -> Matrix:
    """Each column's `most` largest."""
    columns: Any = sparse.csc_matrix(weights)
    for at in range(columns.shape[1]):
        own = slice(columns.indptr[at], columns.indptr[at + 1])
        values = columns.data[own]
        if len(values) > most:
            values[np.argpartition(-values, most)[most:]] = 0
    columns.eliminate_zeros()
    return Matrix(columns)


PEERS: Mapping[str, Fit] = {
    "popularity": popularity,
    "ItemKNN": item_knn,
    "RP3beta": rp3beta,
    "implicit BPR": implicit_bpr,
    "implicit ALS": implicit_als,
    "implicit ALS, tuned": implicit_als_tuned,
    "EASE": ease,
    "two towers, learned": two_towers,
}
