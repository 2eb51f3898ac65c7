"""What one launch of the batch is to do."""

from dataclasses import dataclass
from datetime import datetime

from functions.recommendations.factors import FACTORS
from functions.recommendations.generations import begins


@dataclass(frozen=True, slots=True)
class Plan:
    """`generation` is made for the listeners of `zone`; "all" is everyone.

    `shards` is how many parts the listeners are dealt into: a function of how many plays there
    are, so that a shard's size, and with it a worker's memory, stays the same.
    """

    generation: str
    zone: str
    shards: int
    now: datetime
    factors: int = FACTORS

    @property
    def cut(self) -> datetime:
        """Plays from then on are not learned from."""
        return begins(self.generation)


PLAYS_PER_SHARD = 250_000


def shards_for(plays: int) -> int:
    """How many shards so many plays want."""
    return max(1, -(-plays // PLAYS_PER_SHARD))
