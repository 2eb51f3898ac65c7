"""The pinned part: what was brought ahead waits for its first reader, and costs nothing else."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.runtime.edge.cache import S3Fifo
from emulators.runtime.edge.prewarm import Prewarmed

operations = st.lists(
    st.tuples(
        st.sampled_from(["get", "put", "warm", "discard"]), st.integers(0, 30), st.integers(1, 40)
    ),
    max_size=300,
)


@settings(max_examples=200)
@given(operations)
def test_never_exceeds_its_capacity_and_never_lies(done):
    cache: Prewarmed[int, tuple[int, int]] = Prewarmed(100, 0.3)
    latest: dict[int, tuple[int, int]] = {}
    for number, (what, key, size) in enumerate(done):
        if what in ("put", "warm"):
            latest[key] = (number, size)
            cache.put(key, latest[key], size, warm=what == "warm")
        elif what == "discard":
            cache.discard(key)
            assert key not in cache
        else:
            assert cache.get(key) in (None, latest.get(key))
        assert cache.bytes <= 100
        held = [key for key in range(31) if key in cache]
        assert len(held) == len(cache)
    held = [value for key in range(31) if (value := cache.get(key))]
    assert sum(size for _, size in held) == cache.bytes


def test_what_was_brought_outlives_a_scan_until_it_is_read():
    cache: Prewarmed[object, int] = Prewarmed(100)
    for key in range(10):
        cache.put(key, key, 1, warm=True)
    for key in range(1000):
        cache.put(("scan", key), key, 1)
    assert [cache.get(key) for key in range(10)] == list(range(10))
    assert (cache.used, cache.waiting) == (10, 0)


def test_newer_warm_entries_take_the_place_of_older_ones_and_of_nothing_else():
    cache: Prewarmed[object, int] = Prewarmed(100)
    for key in range(90):
        cache.put(("wanted", key), key, 1)
        cache.get(("wanted", key))
    for key in range(30):
        cache.put(key, key, 1, warm=True)
    assert [key for key in range(30) if key in cache] == list(range(20, 30))
    assert cache.unused == 20
    assert sum(("wanted", key) in cache for key in range(90)) == 90


def test_a_warm_value_too_large_for_its_part_is_an_ordinary_entry():
    cache: Prewarmed[str, int] = Prewarmed(100)
    cache.put("a", 1, 11, warm=True)
    assert cache.get("a") == 1
    assert cache.used == 0


def test_without_warm_entries_it_is_s3_fifo():
    random.seed(3)
    asked = random.choices(range(5000), [1 / (n + 1) ** 0.9 for n in range(5000)], k=30_000)
    one, other = Prewarmed(100), S3Fifo(100)
    for key in asked:
        assert (one.get(key) is None) == (other.get(key) is None)
        if key not in one:
            one.put(key, 1, 1)
            other.put(key, 1, 1)
