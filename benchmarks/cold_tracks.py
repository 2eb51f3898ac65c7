"""Things that nobody has played, offered to the right listeners by their words and sound alone.

    python -m benchmarks.cold_tracks [--data DIR]

Words: 426 artists of the HetRec Last.fm set are taken out of all listening, and ranked among
themselves for each listener by their tags, against the tags of what the listener plays
(a fixed random draw). Sound: there is no public set with listening and audio that may be
passed on, so listeners are made up, each with a taste for a region of sound, and tracks are
synthesised feature vectors around such regions with a spread as measured between recordings of
one album; it shows that the path works, not how well people hear alike.
recall@20 counts hits by at most 20 or what there is to find.
"""

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.report import emit
from functions.recommendations import semantics, sound, wording
from shared.events import Features

HELD_OUT = 426
TOP = 20
RANK = 128


def hetrec(folder: Path) -> tuple[sparse.csr_matrix, list[Counter[str]]]:
    """Listeners × artists, and the tags of each artist, with how often each was given."""
    plays = np.loadtxt(folder / "user_artists.dat", skiprows=1, dtype=np.int64)
    users, user = np.unique(plays[:, 0], return_inverse=True)
    artists, artist = np.unique(plays[:, 1], return_inverse=True)
    shape = (len(users), len(artists))
    matrix = sparse.csr_matrix((np.ones(len(plays)), (user, artist)), shape=shape)
    column = {int(id): at for at, id in enumerate(artists)}
    names = {}
    for line in (folder / "tags.dat").read_text("latin-1").splitlines()[1:]:
        id, _, name = line.partition("\t")
        names[int(id)] = name
    tags: list[Counter[str]] = [Counter() for _ in artists]
    given = np.loadtxt(folder / "user_taggedartists.dat", skiprows=1, dtype=np.int64)
    for _, id, tag, *_ in given:
        if int(id) in column:
            words = wording.tokens(names[int(tag)], "en")
            tags[column[int(id)]].update([*words, names[int(tag)].casefold()])
    return matrix, tags


def held_out(matrix: sparse.csr_matrix, tags: list[Counter[str]], seed: int = 0) -> np.ndarray:
    """Artists with tags and at least five listeners, drawn at random."""
    listeners = np.asarray(matrix.sum(axis=0)).ravel()
    able = [at for at in range(len(tags)) if listeners[at] >= 5 and sum(tags[at].values()) >= 3]
    return np.sort(np.random.default_rng(seed).choice(able, HELD_OUT, replace=False))


def recall(scores: np.ndarray, truth: np.ndarray) -> float:
    """Mean recall@20 over listeners who have something to be found."""
    some = truth.sum(axis=1) > 0
    best = np.argsort(-scores[some], axis=1, kind="stable")[:, :TOP]
    hits = np.take_along_axis(truth[some], best, axis=1).sum(axis=1)
    return float((hits / np.minimum(truth[some].sum(axis=1), TOP)).mean())


def by_words(folder: Path, *, ridge: bool = True) -> dict[str, float]:
    """recall@20 by method; with `ridge` also through the space of listening."""
    matrix, tags = hetrec(folder)
    cold = held_out(matrix, tags)
    warm = np.setdiff1d(np.arange(len(tags)), cold)
    truth = matrix[:, cold].toarray() > 0
    train = matrix[:, warm].tocsr()
    rng = np.random.default_rng(1)
    listeners = np.asarray(train.sum(axis=0)).ravel()
    begun = time.process_time()
    model = semantics.fit([tags[it] for it in warm], RANK)
    assert model is not None
    known, new = model.vectors([tags[it] for it in warm]), model.vectors([tags[it] for it in cold])
    # Who plays everything says less with each thing; what everyone plays says little.
    share = sparse.diags_array(1 / np.sqrt(np.maximum(1, np.asarray(train.sum(axis=1)).ravel())))
    rare = sparse.diags_array(1 / np.sqrt(np.maximum(1, listeners)))
    profiles = share @ train @ rare @ known
    found = {
        "random": recall(rng.random(truth.shape), truth),
        "text": recall(np.asarray(profiles @ new.T), truth),
    }
    found["cpu_s"] = time.process_time() - begun
    if not ridge:
        return found
    mapped = _mapped(train, known, new)
    found["text into listening"] = recall(mapped, truth)
    plain = np.asarray(profiles @ new.T)
    found["both"] = recall(_scaled(plain) + _scaled(mapped), truth)
    oracle = np.tile(truth.sum(axis=0), (len(truth), 1)) + 1e-6 * rng.random(truth.shape)
    found["popularity that nobody could know"] = recall(oracle, truth)
    return found


def _mapped(train: sparse.csr_matrix, known: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Bilinear ridge: user rows (sums of text vectors) to those who play an artist."""
    normal = sparse.diags_array(1 / np.sqrt(np.maximum(1, np.asarray(train.sum(axis=1)).ravel())))
    spread = sparse.diags_array(1 / np.sqrt(np.maximum(1, np.asarray(train.sum(axis=0)).ravel())))
    scaled = sparse.csr_matrix(normal @ train @ spread)
    u, s, vt = sparse.linalg.svds(scaled, k=100, random_state=0)
    factors = vt.T * s
    weights = semantics.ridge(known, factors, penalty=1.0)
    users = u
    return np.asarray(users @ (new @ weights).T)


def _scaled(scores: np.ndarray) -> np.ndarray:
    return scores / np.maximum(np.abs(scores).max(axis=1, keepdims=True), 1e-9)


def by_sound(listeners: int = 400, regions: int = 24, tracks: int = 1500) -> dict[str, float]:
    """Made-up listeners and tracks; a fifth of the tracks is cold."""
    rng = np.random.default_rng(3)
    centres = [rng.normal(size=30) for _ in range(regions)]
    looks = [(rng.random(7), 70 + 110 * rng.random(), rng.integers(12)) for _ in range(regions)]
    region = rng.integers(regions, size=tracks)
    vectors = []
    for at in region:
        judged, tempo, key = looks[at]
        timbre = centres[at] + rng.normal(scale=0.9, size=30)
        near = np.clip(judged + rng.normal(scale=0.15, size=7), 0, 1)
        tempo = float(tempo + rng.normal(scale=12))
        pitch, mode = int((key + rng.integers(3)) % 12), int(rng.integers(2))
        values: Any = (tempo, pitch, mode, 4, *near.tolist(), -12.0, 0.6, tuple(timbre.tolist()))
        vectors.append(sound.vector(Features(*values)))
    rows = np.array(vectors)
    rows -= rows.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cold = np.arange(tracks) % 5 == 0
    likes = np.zeros((listeners, tracks))
    for one in range(listeners):
        own = rng.choice(regions, 3, replace=False)
        chance = np.where(np.isin(region, own), 0.25, 0.01)
        likes[one] = rng.random(tracks) < chance
    truth = likes[:, cold] > 0
    scores = likes[:, ~cold] @ np.maximum(rows[~cold] @ rows[cold].T, 0) ** 2
    return {"random": recall(rng.random(truth.shape), truth), "audio": recall(scores, truth)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data/listening/hetrec-lastfm-2k")
    )
    given = parser.parse_args()
    heard = by_sound()
    print(f"sound, made up   random {heard['random']:.3f}   audio {heard['audio']:.3f}"
          f"   {heard['audio'] / heard['random']:.1f}x")  # fmt: skip
    if not given.data.exists():
        print(f"no {given.data}: words are not measured")
        words = {"random": 0.0, "text into listening": 0.0, "both": 0.0, "text": 0.0}
    else:
        words = by_words(given.data)
        for name, value in words.items():
            print(f"words, HetRec    {name:34} {value:.3f}")
    best = max(words["text"], words["both"])
    oracle = words.get("popularity that nobody could know") or 1e-9
    emit(
        "cold_tracks",
        "recall@20",
        best,
        peers={"popularity that nobody could know": oracle},
        floor=words["random"] or 1e-9,
        higher_is_better=True,
        text={k: round(v, 3) for k, v in words.items()},
        audio_made_up=round(heard["audio"], 3),
        audio_over_random=round(heard["audio"] / heard["random"], 2),
        goal_text=10,
        goal_audio=4,
    )


if __name__ == "__main__":
    main()
