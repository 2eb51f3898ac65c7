"""What the edge counts for each backend bucket; `GET /_stats` shows it."""

from dataclasses import asdict, dataclass, field, fields


@dataclass(slots=True)
class BucketStats:
    """Requests by cache status, fetches and bytes from the origin, signatures by outcome."""

    requests: int = 0
    hits: int = 0
    misses: int = 0
    revalidated: int = 0
    stale: int = 0
    uncacheable: int = 0
    origin_fetches: int = 0
    origin_bytes: int = 0
    sent_bytes: int = 0
    signatures_verified: int = 0
    signatures_refused: int = 0
    unsigned: int = 0
    warmed: int = 0

    def count(self, cache_status: str) -> None:
        """Count one answered request by its `{cdn_cache_status}`."""
        name = {"hit": "hits", "miss": "misses", "disabled": "uncacheable"}.get(
            cache_status, cache_status
        )
        setattr(self, name, getattr(self, name) + 1)


@dataclass(slots=True)
class Stats:
    """Counters of each backend bucket by its name."""

    buckets: dict[str, BucketStats] = field(default_factory=dict)

    def of(self, backend: str) -> BucketStats:
        found = self.buckets.get(backend)
        if found is None:
            found = self.buckets[backend] = BucketStats()
        return found

    def as_dict(self) -> dict:
        """The totals, and under `backend_buckets` each bucket's own."""
        each = {name: asdict(one) for name, one in self.buckets.items()}
        totals = {
            field.name: sum(one[field.name] for one in each.values())
            for field in fields(BucketStats)
        }
        return {**totals, "backend_buckets": each}
