"""What a generation came to, in numbers that add up shard by shard. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from functions.recommendations.matrix import Ints

SCORES = 20
"""Bars of the histogram of scores."""


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """`shown[i]`: how many Discover Weeklies hold track i of the vocabulary.

    `sizes`: lists by how many tracks they have (0 to 30). `held` listeners were kept out of
    learning; `recall`, `ndcg` and `chart_recall` are sums over them. `beyond` counts tracks that
    hardly anyone has heard.
    """

    shown: Ints
    sizes: Ints
    listeners: int = 0
    skipped: int = 0
    bots: int = 0
    empty: int = 0
    mixes: int = 0
    explained: int = 0
    tracks: int = 0
    beyond: int = 0
    novelty: float = 0.0
    held: int = 0
    recall: float = 0.0
    ndcg: float = 0.0
    chart_recall: float = 0.0
    elsewhere: int = 0

    @classmethod
    def nothing(cls, tracks: int) -> "Summary":
        return cls(np.zeros(tracks, dtype=np.int64), np.zeros(31, dtype=np.int64))

    def __add__(self, other: "Summary") -> "Summary":
        arrays = {name: getattr(self, name) + getattr(other, name) for name in ("shown", "sizes")}
        numbers = {
            name: getattr(self, name) + getattr(other, name)
            for name in self.__slots__
            if name not in arrays
        }
        return replace(self, **arrays, **numbers)

    @classmethod
    def sum(cls, parts: Iterable["Summary"]) -> "Summary":
        total: Summary | None = None
        for part in parts:
            total = part if total is None else total + part
        return total if total is not None else cls.nothing(0)

    def counts(self) -> dict[str, int]:
        """The whole numbers, for the run's document."""
        names = (
            "listeners", "skipped", "bots", "empty", "mixes", "tracks", "explained", "held",
            "elsewhere", "beyond",
        )  # fmt: skip
        return {name: int(getattr(self, name)) for name in names}

    def figures(self, plays: Ints) -> dict[str, float]:
        """Shares and means; `plays` are the listeners of each track of the vocabulary.

        `coverage`: share of the vocabulary in someone's list; `concentration`: the Gini index of
        how often tracks are shown (0: all alike); `novelty`: bits.
        """
        held = max(1, self.held)
        return {
            "coverage": _share(int((self.shown > 0).sum()), len(self.shown)),
            "concentration": gini(self.shown),
            "concentration_of_plays": gini(plays),
            "full_lists": _share(int(self.sizes[30:].sum()), int(self.sizes.sum())),
            "novelty_bits": round(self.novelty / max(1, self.tracks), 3),
            "explained": _share(self.explained, self.tracks),
            "beyond": _share(self.beyond, self.tracks),
            "recall_at_20": round(self.recall / held, 4),
            "ndcg_at_10": round(self.ndcg / held, 4),
            "chart_recall_at_20": round(self.chart_recall / held, 4),
        }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def gini(counts: Ints) -> float:
    """0 when all are alike, near 1 when one has all."""
    ordered = np.sort(np.asarray(counts, dtype=np.float64))
    total = ordered.sum()
    if not total:
        return 0.0
    ranks = np.arange(1, len(ordered) + 1)
    return round(
        float(
            2 * (ranks * ordered).sum() / (len(ordered) * total) - (len(ordered) + 1) / len(ordered)
        ),
        4,
    )


def drift(now: dict[str, float], before: dict[str, float]) -> float:
    """How far the mix of tracks moved: half the summed difference of shares, 0 to 1.

    Both map track ids to shares that add up to 1 (total variation distance).
    """
    ids = now.keys() | before.keys()
    return round(sum(abs(now.get(id, 0) - before.get(id, 0)) for id in ids) / 2, 4)
