"""A generation's model in a worker's memory: read once in each process, a tile at a time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from functions.recommendations import content, factors, scoring
from functions.recommendations.candidates import AUDIO, TEXT
from functions.recommendations.catalogue import Catalogue
from functions.recommendations.learning import Kept
from functions.recommendations.matrix import Floats, Matrix, Vocabulary
from functions.recommendations.stocking import stock_of


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What every shard needs whole. `unheard` numbers tracks that listening does not reach,
    `alike` has a model of them by source; `new` is a catalogue of new releases."""

    kept: Kept
    vocabulary: Vocabulary
    vectors: Floats
    side: factors.Side
    unheard: Vocabulary
    alike: Mapping[str, scoring.Model]
    new: Catalogue

    @classmethod
    def of(cls, kept: Kept) -> "Learned":
        vocabulary, vectors = kept.vocabulary(), kept.vectors()
        side = kept.side()
        stock = stock_of(kept, len(vocabulary))
        places = {id: at for at, id in enumerate(stock.unheard)}
        nothing = np.zeros(len(places))
        new = Catalogue()
        for track in stock.new:
            new.put(track)
        return cls(
            kept,
            vocabulary,
            vectors,
            side,
            Vocabulary(stock.unheard, nothing, nothing, 1.0, vocabulary.users, places),
            {
                source: scoring.Model(
                    Matrix(content.shares(rows).T), content.imputed(rows, vectors), side
                )
                for source, rows in ((AUDIO, stock.alike["audio"]), (TEXT, stock.alike["text"]))
            },
            new,
        )

    def tiles(self) -> Iterator[tuple[int, Matrix]]:
        """Weights of the vocabulary's columns, tile by tile."""
        for number, name in enumerate(self.kept.tiles()):
            yield _first_tile(self.kept) if number == 0 else self.kept.weights(name)

    def proposed(self, profiles: Matrix, heard: Matrix, most: int) -> scoring.Proposals:
        """Candidates for listeners, tile by tile of the model: one is in memory at a time."""
        models = [scoring.Model(Matrix((profiles.shape[1], 0)), self.vectors, self.side)]
        own = factors.solve(scoring.as_ones(profiles), self.side)
        parts = [
            scoring.propose(model, profiles, heard, most, listeners=own)
            for model in (
                (
                    scoring.Model(weights, self.vectors, self.side, first)
                    for first, weights in self.tiles()
                )
                if self.kept.tiles()
                else models
            )
        ]
        return scoring.merged(parts)

    def places(self, track_ids: Iterable[str]) -> dict[str, tuple[float, ...]]:
        """Where tracks lie: as listening taught, or like those that they sound or read like."""
        found: dict[str, tuple[float, ...]] = {}
        for id in track_ids:
            at = self.vocabulary.places.get(id)
            if at is not None:
                found[id] = tuple(self.vectors[at].tolist())
            elif (at := self.unheard.places.get(id)) is not None:
                sum_ = np.sum([it.vectors[at] for it in self.alike.values()], axis=0)
                found[id] = tuple(sum_.tolist())
        return found


@lru_cache(maxsize=2)
def learned(kept: Kept) -> Learned:
    """The model of a generation, once in each process."""
    return Learned.of(kept)


@lru_cache(maxsize=2)
def _first_tile(kept: Kept) -> tuple[int, Matrix]:
    """Most catalogs have one tile only: it is read once."""
    return kept.weights(kept.tiles()[0])
