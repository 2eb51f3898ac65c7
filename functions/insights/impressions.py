"""What an experiment's arms and sources are worth, from what was shown with which chance. Pure.

The plain rate rewards what a policy shows to those who would have played it anyway. Weighing
every impression by one over its propensity (IPS) undoes that; dividing by the weights instead of
the impressions (SNIPS) trades a little bias for much less variance. Weights are clipped at 100.

Source: Swaminathan and Joachims, The Self-Normalized Estimator for Counterfactual Learning (2015)
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    """Sums over the impressions of one arm and source. `weights` of one over propensity,
    `squares` of their squares, `weighted_plays` of those that were played."""

    arm: str
    source: str
    impressions: int
    lists: int
    users: int
    plays: int
    weights: float
    squares: float
    weighted_plays: float


@dataclass(frozen=True, slots=True)
class Worth:
    """Rates: plays an impression; `effective`: how many unweighted impressions say as much."""

    arm: str
    source: str
    impressions: int
    plays: int
    rate: float
    ips: float
    snips: float
    effective: float


def worth(it: Shown) -> Worth:
    """The estimates of one arm and source."""
    return Worth(
        it.arm,
        it.source,
        it.impressions,
        it.plays,
        rate=it.plays / it.impressions if it.impressions else 0.0,
        ips=it.weighted_plays / it.impressions if it.impressions else 0.0,
        snips=it.weighted_plays / it.weights if it.weights else 0.0,
        effective=it.weights**2 / it.squares if it.squares else 0.0,
    )
