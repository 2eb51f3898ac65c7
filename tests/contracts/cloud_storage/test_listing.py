"""Listing: by prefix, delimiter, offsets and glob, page by page, in the order of the bytes."""

import pytest
from google.cloud import storage

NAMES = (
    "a.txt",
    "audio/1/base/aac.mp4",
    "audio/1/base/mp3.mp3",
    "audio/1/high/aac.mp4",
    "audio/2/base/aac.mp4",
    "audio/2x",
    "b.txt",
    "z/é.txt",
    "z/日.txt",
    "z/🎵.txt",
)


@pytest.fixture
def names(bucket: storage.Bucket, prefix: str) -> str:
    for name in NAMES:
        bucket.blob(prefix + name).upload_from_string(name.encode())
    return prefix


def _list(bucket: storage.Bucket, prefix: str, **query: object) -> list[str]:
    below = str(query.pop("below", ""))
    found = bucket.list_blobs(prefix=prefix + below, **query)  # pyright: ignore[reportArgumentType]
    return [blob.name.removeprefix(prefix) for blob in found]


def test_all_names_come_in_utf8_order(bucket: storage.Bucket, names: str) -> None:
    assert _list(bucket, names) == sorted(NAMES, key=str.encode)


def test_prefix_is_a_string_not_a_folder(bucket: storage.Bucket, names: str) -> None:
    found = _list(bucket, names, below="audio/2")
    assert found == ["audio/2/base/aac.mp4", "audio/2x"]
    assert _list(bucket, names, below="nothing") == []


@pytest.mark.parametrize("page_size", [1, 2, 3, 100])
def test_delimiter_folds_deeper_names_into_prefixes(
    bucket: storage.Bucket, names: str, page_size: int
) -> None:
    pages = bucket.list_blobs(prefix=names, delimiter="/", page_size=page_size)
    found = [blob.name.removeprefix(names) for blob in pages]
    assert found == ["a.txt", "b.txt"]
    assert {p.removeprefix(names) for p in pages.prefixes} == {"audio/", "z/"}
    below = bucket.list_blobs(prefix=f"{names}audio/", delimiter="/", page_size=page_size)
    assert [blob.name.removeprefix(names) for blob in below] == ["audio/2x"]
    assert {p.removeprefix(names) for p in below.prefixes} == {"audio/1/", "audio/2/"}


def test_delimiter_may_be_any_string(bucket: storage.Bucket, names: str) -> None:
    pages = bucket.list_blobs(prefix=names, delimiter="base/")
    assert "audio/2x" in [blob.name.removeprefix(names) for blob in pages]
    found = {p.removeprefix(names) for p in pages.prefixes}
    assert found == {"audio/1/base/", "audio/2/base/"}


def test_trailing_delimiter_objects_may_be_included(bucket: storage.Bucket, prefix: str) -> None:
    for name in ("d/", "d/x"):
        bucket.blob(prefix + name).upload_from_string(b"")
    plain = bucket.list_blobs(prefix=prefix, delimiter="/")
    assert list(plain) == []
    both = bucket.list_blobs(prefix=prefix, delimiter="/", include_trailing_delimiter=True)
    assert [blob.name for blob in both] == [f"{prefix}d/"]
    assert both.prefixes == {f"{prefix}d/"}


def test_pages_join_to_the_whole(bucket: storage.Bucket, names: str) -> None:
    iterator = bucket.list_blobs(prefix=names, page_size=3)
    pages = [[blob.name.removeprefix(names) for blob in page] for page in iterator.pages]
    assert [len(page) for page in pages] == [3, 3, 3, 1]
    assert [name for page in pages for name in page] == sorted(NAMES, key=str.encode)
    assert len(_list(bucket, names, max_results=4)) == 4


def test_offsets_are_half_open(bucket: storage.Bucket, names: str) -> None:
    found = _list(bucket, names, start_offset=f"{names}audio/2", end_offset=f"{names}b.txt")
    assert found == ["audio/2/base/aac.mp4", "audio/2x"]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*.txt", ["a.txt", "b.txt"]),
        ("**.mp3", ["audio/1/base/mp3.mp3"]),
        ("audio/*/base/*", NAMES[1:3] + NAMES[4:5]),
        ("audio/?x", ["audio/2x"]),
        ("audio?2x", []),
        ("audio/[0-9]x", ["audio/2x"]),
        ("[!b].txt", ["a.txt"]),
        ("{a,b}.txt", ["a.txt", "b.txt"]),
        ("**/aac.mp4", NAMES[1:2] + NAMES[3:5]),
    ],
)
def test_glob_selects(bucket: storage.Bucket, names: str, glob: str, expected: list[str]) -> None:
    assert _list(bucket, names, match_glob=names + glob) == list(expected)


def test_a_deleted_object_is_gone_from_the_list(bucket: storage.Bucket, names: str) -> None:
    bucket.blob(f"{names}a.txt").delete()
    assert "a.txt" not in _list(bucket, names)
