"""Whether fitted weights of sources find more than those set by hand: HetRec 2011 Last.fm-2k.

    python -m benchmarks.recommend_weights

Sources as in the weekly batch: listening, words (tags) for artists with few listeners, friends
(the set has them), charts. Weights are fitted on a validation part of what is known and measured
on the hidden fifth, ranked by the weights alone: recall@20 and nDCG@10.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.recommend_data import FOLDER, Data, Matrix, Split, leave_out, load
from benchmarks.report import emit
from functions.recommendations import content, factors, ridge, scoring, semantics, weekly, weighing
from functions.recommendations.blending import WEIGHTS
from functions.recommendations.candidates import AUDIO, LISTENING, TEXT, Item, Pool, gather
from functions.recommendations.catalogue import Catalogue
from functions.recommendations.content import Block
from functions.recommendations.generations import CANDIDATES, WORLD, Chart
from functions.recommendations.known import TEXT_WIDTH
from functions.recommendations.learned import Learned
from functions.recommendations.learning import Kept
from functions.recommendations.matrix import Profiles, Tally, Vocabulary
from functions.recommendations.shelf import FolderShelf
from functions.recommendations.sound import WIDTH
from functions.recommendations.taste import Table, Taste
from functions.recommendations.weekly import Crowd

ON = date(2026, 11, 16)
WEEK = "2026-W47"


def words(data: Data) -> np.ndarray:
    """A vector of each item's tags."""
    assert data.tags is not None
    tags = data.tags
    documents: list[Mapping[str, float]] = [
        {
            str(tag): float(count)
            for tag, count in zip(
                tags.indices[tags.indptr[at] : tags.indptr[at + 1]],
                tags.data[tags.indptr[at] : tags.indptr[at + 1]],
                strict=True,
            )
        }
        for at in range(tags.shape[0])
    ]
    model = semantics.fit(documents, TEXT_WIDTH)
    assert model is not None
    return model.vectors(documents).astype(np.float32)


def friends(data: Data) -> dict[int, list[int]]:
    """Rows of listeners by row; none on generated data."""
    folder = Path(os.environ.get("SEGUE_DATA") or FOLDER) / "listening" / "hetrec-lastfm-2k"
    if data.name != "hetrec-lastfm-2k":
        return {}
    pairs = np.loadtxt(folder / "user_artists.dat", skiprows=1, dtype=np.int64)
    users = {int(id): row for row, id in enumerate(np.unique(pairs[:, 0]))}
    found: dict[int, list[int]] = {}
    for one, other in np.loadtxt(folder / "user_friends.dat", skiprows=1, dtype=np.int64):
        if int(one) in users and int(other) in users:
            found.setdefault(users[int(one)], []).append(users[int(other)])
    return found


def learned(known: Matrix, vectors: np.ndarray) -> tuple[Learned, Matrix, Matrix]:
    """The model of what is known, its weights, and the listeners' rows over its vocabulary."""
    ids = tuple(str(it) for it in range(known.shape[1]))
    profiles = Profiles(tuple(str(it) for it in range(known.shape[0])), ids, known)
    vocabulary = Vocabulary.of(Tally.of(profiles))
    plays = vocabulary.index(profiles)
    sizes = np.diff(known.indptr)
    weights = Matrix(ridge.fit(plays, vocabulary.evened, vocabulary.scale, sizes))
    fitted = factors.fit(plays)
    side = factors.Side.of(fitted, strength=factors.strength_of(plays))
    zeros = np.zeros(len(ids), dtype=np.int64)
    sound = np.zeros((len(ids), WIDTH), dtype=np.float32)
    block = Block(ids, ("",) * len(ids), zeros, sound, vectors)
    unheard = content.unheard(block, vocabulary, WEEK, ON.toordinal())
    alike = content.nearest([content.columns(block, "text", unheard, vocabulary)])
    nothing = Matrix(alike.shape, dtype=np.float32)
    models = {
        source: scoring.Model(Matrix(content.shares(rows).T), content.imputed(rows, fitted), side)
        for source, rows in ((AUDIO, nothing), (TEXT, alike))
    }
    cold = content.vocabulary_of(unheard, vocabulary.users)
    kept = Kept(FolderShelf(Path(tempfile.gettempdir())), WEEK)
    return Learned(kept, vocabulary, fitted, side, cold, models, Catalogue()), weights, plays


def pools(split: Split, data: Data, vectors: np.ndarray) -> Iterator[tuple[int, Pool, np.ndarray]]:
    """Of each listener asked: the row, the pool of all sources, which of it is hidden."""
    known = split.known
    model, weights, plays = learned(known, vectors)
    whole = scoring.Model(weights, model.vectors, model.side)
    listeners = np.asarray(known.sum(axis=0)).ravel()
    top = np.argsort(-listeners, kind="stable")[:200]
    chart = Chart(WORLD, WEEK, tuple(map(str, top)), tuple(int(listeners[it]) for it in top))
    people = friends(data)
    ids = tuple(str(it) for it in range(known.shape[1]))
    items = {id: Item(id, ()) for id in ids}

    def own(row: int) -> list[str]:
        return [ids[it] for it in known.indices[known.indptr[row] : known.indptr[row + 1]]]

    def taste(row: int) -> Taste:
        table = Table(dict.fromkeys(own(row), 1.0))
        return Taste(str(row), ranges={"short_term": table})

    told = {
        str(row): weekly.friend(taste(row)) for row in {f for it in people.values() for f in it}
    }
    for begin in range(0, len(split.asked), 256):
        rows = split.asked[begin : begin + 256]
        users = tuple(str(it) for it in rows)
        profiles = Matrix(plays[rows])
        heard = Profiles(users, ids, Matrix(known[rows]))
        crowd = Crowd(
            users=users,
            markets=[""] * len(users),
            bots=frozenset(),
            profiles=profiles,
            heard=profiles,
            met=model.unheard.index(heard),
            ever=[dict.fromkeys(own(int(row)), 1.0) for row in rows],
            tastes={
                str(r): Taste(str(r), users=tuple(map(str, people.get(int(r), ())))) for r in rows
            },
            friends=told,
            charts={WORLD: chart},
            found=scoring.propose(whole, profiles, profiles, CANDIDATES),
            on=ON,
        )
        for row, offered in zip(rows, weekly.asked(crowd, model), strict=True):
            new = set(own(int(row)))
            pool = gather([it for it in offered if it.track_id not in new], items)
            there = np.array([int(it.track_id) for it in pool.items])
            yield int(row), pool, np.isin(there, split.hidden[int(row)])


def examples(split: Split, data: Data, vectors: np.ndarray) -> weighing.Examples:
    """Of the validation part, as the batch makes them of held-out listeners."""
    listeners = np.asarray(split.known.sum(axis=0)).ravel()
    share = listeners / listeners.max()
    parts = [
        weighing.example(
            pool.sources, pool.scores, hit, share[[int(it.track_id) for it in pool.items]], row
        )
        for row, pool, hit in pools(split, data, vectors)
    ]
    return weighing.Examples.sum(parts, most=10**9)


def measured(
    split: Split, data: Data, vectors: np.ndarray, by: Mapping[str, Mapping[str, float]]
) -> dict[str, tuple[float, float]]:
    """recall@20 and nDCG@10 of each set of weights."""
    gain = 1 / np.log2(np.arange(2, 12))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in by}
    for row, pool, hit in pools(split, data, vectors):
        count = len(split.hidden[row])
        for name, weights in by.items():
            value = pool.scores.T @ np.array([weights[it] for it in pool.sources])
            best = hit[np.argsort(-value, kind="stable")]
            found[name].append(
                (best[:20].sum() / count, (best[:10] @ gain[: len(best[:10])])
                 / gain[: min(10, count)].sum())
            )  # fmt: skip
    return {name: tuple(np.mean(it, axis=0).round(4).tolist()) for name, it in found.items()}


def main() -> None:
    data = load()
    vectors = words(data)
    outer = leave_out(data.plays)
    inner = leave_out(outer.known, seed=100)
    known = examples(inner, data, vectors)
    fitted = weighing.fit(known)
    forced = weighing._fitted(known, WEIGHTS)  # shown even where it is not adopted
    print(f"{len(known):,} examples: {fitted.why}")
    print({it: forced[it] for it in weighing.FITTED})
    alone = {**dict.fromkeys(WEIGHTS, 0.0), LISTENING: 1.0}
    by = {"listening alone": alone, "set by hand": WEIGHTS, "fitted": forced}
    found = measured(outer, data, vectors, by)
    for name, (recall, ndcg) in found.items():
        print(f"{name:18} recall@20 {recall:.4f}   nDCG@10 {ndcg:.4f}")
    emit(
        "recommend-weights",
        f"recall@20 on {data.name}",
        found["fitted"][0],
        peers={"set by hand": found["set by hand"][0]},
        floor=found["listening alone"][0],
        higher_is_better=True,
        ndcg10={name: ndcg for name, (_, ndcg) in found.items()},
        adopted=fitted.adopted,
        weights={it: forced[it] for it in weighing.FITTED},
    )


if __name__ == "__main__":
    main()
