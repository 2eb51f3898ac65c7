"""A listing equals the naive one, for any names, page sizes and delimiters."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulators.runtime.storage.index import Index
from emulators.runtime.storage.listing import after_prefix, list_page
from emulators.runtime.storage.records import Blob, StoredObject

_NAME = st.text("ab/é\uffff\U0010ffff🎵\x00", min_size=1, max_size=6)


def _index(names: set[str]) -> Index:
    index = Index(Path(":memory:"))
    for name in names:
        index.put_object(StoredObject("b", name, 1, 1, Blob("f", 0, "", None), 0, 0, {}))
    return index


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    names=st.sets(_NAME, max_size=25),
    prefix=st.text("ab/", max_size=2),
    delimiter=st.sampled_from(["", "/", "a"]),
    size=st.integers(1, 5),
)
def test_pages_join_to_what_a_plain_scan_finds(
    names: set[str], prefix: str, delimiter: str, size: int
) -> None:
    index = _index(names)
    items: list[str] = []
    prefixes: list[str] = []
    query = {"prefix": prefix, "delimiter": delimiter, "maxResults": str(size)}
    while True:
        page = list_page(index, "b", query)
        assert len(page.items) + len(page.prefixes) <= size
        items += [stored.name for stored in page.items]
        prefixes += page.prefixes
        if page.next_token is None:
            break
        query["pageToken"] = page.next_token
    index.close()

    expected_items, expected_prefixes = [], []
    for name in sorted(names, key=str.encode):
        if not name.startswith(prefix):
            continue
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        if cut < 0:
            expected_items.append(name)
        elif (folder := name[: cut + len(delimiter)]) not in expected_prefixes:
            expected_prefixes.append(folder)
    assert items == expected_items
    assert prefixes == expected_prefixes


@given(prefix=_NAME, rest=st.text("ab\U0010ffff", max_size=4), other=_NAME)
def test_after_a_prefix_come_only_names_without_it(prefix: str, rest: str, other: str) -> None:
    edge = after_prefix(prefix).encode()
    assert (prefix + rest).encode() < edge
    if other.encode() > prefix.encode() and not other.startswith(prefix):
        assert other.encode() >= edge
