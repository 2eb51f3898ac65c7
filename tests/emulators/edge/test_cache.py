"""S3-FIFO: its bound always holds, and what is asked for again outlives what is not."""

import random
from collections import OrderedDict

from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.runtime.edge.cache import S3Fifo

operations = st.lists(
    st.tuples(st.sampled_from(["get", "put", "discard"]), st.integers(0, 30), st.integers(1, 40)),
    max_size=300,
)


@settings(max_examples=200)
@given(operations)
def test_never_exceeds_its_capacity_and_never_lies(done):
    cache: S3Fifo[int, tuple[int, int]] = S3Fifo(100)
    latest: dict[int, tuple[int, int]] = {}
    for number, (what, key, size) in enumerate(done):
        if what == "put":
            latest[key] = (number, size)
            cache.put(key, latest[key], size)
        elif what == "discard":
            cache.discard(key)
            assert key not in cache
        else:
            assert cache.get(key) in (None, latest.get(key))
        held = [value for key in range(31) if (value := cache.get(key))]
        assert sum(size for _, size in held) == cache.bytes <= 100
        assert len(held) == len(cache)


def test_value_larger_than_the_cache_is_not_kept():
    cache: S3Fifo[str, bytes] = S3Fifo(10)
    cache.put("a", b"old", 3)
    cache.put("a", b"x" * 11, 11)
    assert cache.get("a") is None
    assert cache.bytes == 0


def test_what_is_wanted_outlives_a_scan():
    cache: S3Fifo[object, int] = S3Fifo(100)
    for key in range(20):
        cache.put(key, key, 1)
    for _ in range(2):
        assert all(cache.get(key) == key for key in range(20))
    for key in range(1000):
        cache.put(("scan", key), key, 1)
    assert sum(key in cache for key in range(20)) == 20


def test_hits_more_than_lru_on_skewed_demand():
    random.seed(7)
    weights = [1 / (rank**0.9) for rank in range(1, 20_001)]
    asked = random.choices(range(20_000), weights, k=60_000)
    cache: S3Fifo[int, int] = S3Fifo(400)
    lru: OrderedDict[int, None] = OrderedDict()
    hits = {"s3-fifo": 0, "lru": 0}
    for key in asked:
        if cache.get(key) is not None:
            hits["s3-fifo"] += 1
        else:
            cache.put(key, key, 1)
        if key in lru:
            hits["lru"] += 1
            lru.move_to_end(key)
        else:
            lru[key] = None
            if len(lru) > 400:
                lru.popitem(last=False)
    assert hits["s3-fifo"] > 1.15 * hits["lru"]
