"""multipart/related, however the bytes happen to be cut on the way."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.runtime.storage.errors import BadRequest
from emulators.runtime.storage.related import RelatedParser, boundary_of


def _body(media: bytes, boundary: str = "b") -> bytes:
    return (
        (
            f'--{boundary}\r\ncontent-type: application/json\r\n\r\n{{"name": "n"}}\r\n'
            f"--{boundary}\r\ncontent-type: audio/wav\r\n\r\n"
        ).encode()
        + media
        + f"\r\n--{boundary}--".encode()
    )


@given(
    media=st.one_of(
        st.binary(max_size=200),
        st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"\r\n--", b"\r\n--bx", b"x"])).map(
            b"".join
        ),
    ),
    cuts=st.lists(st.integers(0, 400)),
)
def test_media_comes_out_whole_however_it_is_cut(media: bytes, cuts: list[int]) -> None:
    boundary = "b0"
    if f"\r\n--{boundary}".encode() in media:
        return
    body = _body(media, boundary)
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    parser = RelatedParser(boundary)
    out = b"".join(parser.feed(body[start:end]) for start, end in itertools.pairwise(edges))
    assert out == media
    assert parser.complete
    assert (parser.metadata, parser.media_type) == ({"name": "n"}, "audio/wav")


def test_a_body_without_its_end_is_not_complete() -> None:
    parser = RelatedParser("b")
    parser.feed(_body(b"media")[:-6])
    assert not parser.complete


def test_metadata_that_is_not_json_is_refused() -> None:
    with pytest.raises(BadRequest):
        RelatedParser("b").feed(_body(b"x").replace(b"{", b"<"))


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ('multipart/related; boundary="==x=="', "==x=="),
        ("multipart/related; boundary='==x=='", "==x=="),
        ("multipart/related; charset=utf-8; Boundary=x; type=y", "x"),
    ],
)
def test_boundaries_may_be_quoted(header: str, boundary: str) -> None:
    assert boundary_of(header) == boundary


def test_no_boundary_is_refused() -> None:
    with pytest.raises(BadRequest):
        boundary_of("multipart/related")
