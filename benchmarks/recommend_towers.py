"""A learned model for the comparison: two towers, in numpy.

The listener's tower is the mean of what is played, half of it hidden at random, through one tanh
layer; the track's tower an embedding. Trained by softmax over all tracks with Adam. It is a
multinomial autoencoder (Liang et al., WWW 2018) with separate towers.
"""

import numpy as np

from benchmarks.recommend_data import Matrix
from benchmarks.recommend_metrics import Score, scattered

WIDTH = 128
ROUNDS = 60
BATCH = 256
RATE = 2e-3
HIDDEN = 0.5
DECAY = 1e-5


def two_towers(known: Matrix, seed: int = 0) -> Score:
    """Fit on tracks that two listeners play; answers scores of all."""
    rng = np.random.default_rng(seed)
    kept = np.flatnonzero(np.asarray(known.sum(axis=0)).ravel() >= 2)
    plays = Matrix(known[:, kept])
    tracks = len(kept)
    shapes = {"in": (tracks, WIDTH), "layer": (WIDTH, WIDTH), "out": (tracks, WIDTH)}
    weights = {
        name: (rng.standard_normal(shape) / np.sqrt(WIDTH)).astype(np.float32)
        for name, shape in shapes.items()
    } | {"bias": np.zeros(tracks, dtype=np.float32)}
    first = {name: np.zeros_like(it) for name, it in weights.items()}
    second = {name: np.zeros_like(it) for name, it in weights.items()}
    step = 0
    for _ in range(ROUNDS):
        order = rng.permutation(plays.shape[0])
        for begin in range(0, len(order), BATCH):
            rows = Matrix(plays[order[begin : begin + BATCH]])
            step += 1
            for name, slope in _slopes(rows, weights, rng).items():
                slope += DECAY * weights[name]
                first[name] = 0.9 * first[name] + 0.1 * slope
                second[name] = 0.999 * second[name] + 0.001 * slope**2
                mean = first[name] / (1 - 0.9**step)
                spread = np.sqrt(second[name] / (1 - 0.999**step))
                weights[name] -= RATE * mean / (spread + 1e-8)

    def score(asked: np.ndarray) -> np.ndarray:
        _, users = _listener(Matrix(plays[asked]), weights)
        return users @ weights["out"].T + weights["bias"]

    return scattered(score, kept, known.shape[1])


def _listener(rows: Matrix, weights: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.maximum(np.asarray(rows.sum(axis=1)), 1)
    mean = np.asarray(rows @ weights["in"]) / np.sqrt(sizes)
    return mean, np.tanh(mean @ weights["layer"])


def _slopes(
    rows: Matrix, weights: dict[str, np.ndarray], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Slopes of the loss on a batch."""
    seen = rows.copy()
    seen.data = seen.data * (rng.random(len(seen.data)) >= HIDDEN)
    mean, users = _listener(seen, weights)
    scores = users @ weights["out"].T + weights["bias"]
    scores -= scores.max(axis=1, keepdims=True)
    chance = np.exp(scores)
    chance /= chance.sum(axis=1, keepdims=True)
    count = np.asarray(rows.sum(axis=1))
    wrong = (chance * count - rows.toarray()) / rows.shape[0] / max(1.0, float(count.mean()))
    back = (wrong @ weights["out"]) * (1 - users**2)
    sizes = np.sqrt(np.maximum(np.asarray(seen.sum(axis=1)), 1))
    return {
        "out": wrong.T @ users,
        "bias": wrong.sum(axis=0),
        "layer": mean.T @ back,
        "in": np.asarray(seen.T @ ((back @ weights["layer"].T) / sizes)),
    }
