"""What Cloud CDN before a private bucket does: one suite for any edge.

Runs against the local edge over a small origin. To point it at another one, set SEGUE_EDGE to
JSON: {"url": "http://127.0.0.1:8080", "key_name": …, "key": base64url, "folder": "/audio/test/",
"upload": URL to which an object's path is appended and its bytes are POSTed, "headers": {…} for
the upload, "stats": URL of a JSON object with "origin_fetches", or null}. Tests that count
fetches at the origin are skipped where there is no "stats".
"""

import asyncio
import io
import json
import os
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
from yarl import URL

from shared.cdn import SigningKey, sign_cookie, sign_prefix, sign_url
from tests.emulators.edge.rig import KEY, Rig, graph, running

MIB = 1 << 20


@dataclass
class Subject:
    """The edge under test, and how to put an object behind it."""

    url: str
    key: SigningKey
    folder: str
    client: aiohttp.ClientSession
    rig: Rig | None = None
    upload: str = ""
    upload_headers: dict[str, str] = field(default_factory=dict)
    stats: str | None = None

    async def put(self, name: str, body: bytes) -> str:
        """Put an object into the folder; its path at the edge."""
        path = self.folder + name
        if self.rig is not None:
            self.rig.storage.put(f"/test-project-audio{path}", body)
        else:
            headers = {"Content-Type": "audio/mp4", **self.upload_headers}
            url = URL(self.upload + path.lstrip("/"), encoded=True)
            async with self.client.post(url, data=io.BytesIO(body), headers=headers) as response:
                assert response.status == 200, await response.text()
        return path

    async def ask(
        self, target: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """`target` from the root, sent as it is; `if_none_match=…` sends If-None-Match."""
        url = URL(self.url + target, encoded=True)
        asked = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client.request(method, url, headers=asked, data=body) as response:
            told = {name.lower(): value for name, value in response.headers.items()}
            return response.status, told, await response.read()

    async def fetches(self) -> int:
        if self.rig is not None:
            return len(self.rig.storage.fetches)
        if self.stats is None:
            pytest.skip("this edge does not tell how often it asks its origin")
        async with self.client.get(self.stats) as response:
            return (await response.json())["origin_fetches"]

    def prefix(self, folder: str | None = None, ttl_s: int = 60, key: SigningKey | None = None):
        """The query that opens `folder` (default: all of the test's)."""
        prefix = self.url + (folder or self.folder)
        return sign_prefix(prefix, key or self.key, int(time.time()) + ttl_s)


@pytest.fixture
async def edge(tmp_path):
    folder = f"/audio/{secrets.token_hex(8)}/"
    told = os.environ.get("SEGUE_EDGE")
    if told:
        raw: dict[str, Any] = json.loads(told)
        key = SigningKey.parse(raw["key_name"], raw["key"])
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
            yield Subject(
                raw["url"],
                key,
                raw.get("folder", "/audio/") + secrets.token_hex(8) + "/",
                client,
                None,
                raw["upload"],
                raw.get("headers", {}),
                raw.get("stats"),
            )
    else:
        async with running(tmp_path, graph()) as rig:
            yield Subject(rig.url, KEY, folder, rig.client, rig)


def pattern(size: int) -> bytes:
    """Bytes in which every position is told from its neighbours."""
    return b"".join(i.to_bytes(4, "big") for i in range(size // 4 + 1))[:size]


async def test_unsigned_request_is_refused_by_the_private_bucket(edge):
    path = await edge.put("a.mp4", b"music")
    status, _, body = await edge.ask(path)
    assert status in (401, 403)
    assert b"music" not in body


async def test_every_signature_form_opens_the_object(edge):
    path = await edge.put("a.mp4", b"music")
    later = int(time.time()) + 60
    url = sign_url(edge.url + path, edge.key, later).removeprefix(edge.url)
    cookie = sign_cookie(edge.url + edge.folder, edge.key, later)
    for target, headers in (
        (url, {}),
        (f"{path}?{edge.prefix()}", {}),
        (path, {"cookie": f"theme=dark; Cloud-CDN-Cookie={cookie}; x=y"}),
    ):
        status, told, body = await edge.ask(target, **headers)
        assert (status, body) == (200, b"music"), target
        assert told["content-type"] == "audio/mp4"
        assert "google" in told["via"]


async def test_refused_signatures(edge):
    path = await edge.put("base/a.mp4", b"music")
    await edge.put("high/a.mp4", b"music")
    good = edge.prefix(edge.folder + "base/")
    foreign = SigningKey(edge.key.name, b"not this secret!")
    unknown = SigningKey("no-such-key", edge.key.secret)
    flipped = good[:-2] + ("A" if good[-2] != "A" else "B") + "="
    for why, target in {
        "tampered": f"{path}?{flipped}",
        "expired": f"{path}?{edge.prefix(ttl_s=-1)}",
        "foreign": f"{path}?{edge.prefix(key=foreign)}",
        "unknown key": f"{path}?{edge.prefix(key=unknown)}",
        "another folder": f"{edge.folder}high/a.mp4?{good}",
        "cut": f"{path}?{good[:-5]}",
        "only a name": f"{path}?Signature=",
    }.items():
        status, _, body = await edge.ask(target)
        assert status == 403, why
        assert b"music" not in body
    cookie = sign_cookie(edge.url + edge.folder, foreign, int(time.time()) + 60)
    assert (await edge.ask(path, cookie=f"Cloud-CDN-Cookie={cookie}"))[0] == 403
    assert (await edge.ask(f"{path}?{good}"))[0] == 200


async def test_signed_folder_does_not_open_its_neighbour_by_climbing(edge):
    await edge.put("base/a.mp4", b"music")
    await edge.put("high/a.mp4", b"premium")
    query = edge.prefix(edge.folder + "base/")
    for path in ("base/../high/a.mp4", "base/%2e%2e/high/a.mp4", "base/..%2Fhigh/a.mp4"):
        status, _, body = await edge.ask(f"{edge.folder}{path}?{query}")
        assert status in (400, 403, 404), path
        assert b"premium" not in body


async def test_one_cache_entry_across_different_signatures(edge):
    path = await edge.put("a.mp4", pattern(1000))
    before = await edge.fetches()
    for ttl_s in (60, 61, 62):
        assert (await edge.ask(f"{path}?{edge.prefix(ttl_s=ttl_s)}"))[0] == 200
    url = sign_url(edge.url + path, edge.key, int(time.time()) + 90)
    assert (await edge.ask(url.removeprefix(edge.url)))[0] == 200
    assert await edge.fetches() == before + 1


async def test_signed_and_unsigned_answers_are_kept_apart(edge):
    path = await edge.put("a.mp4", b"music")
    for _ in range(2):
        assert (await edge.ask(f"{path}?{edge.prefix()}"))[0] == 200
        assert (await edge.ask(path))[0] in (401, 403)


async def test_fifty_cold_requests_are_one_fetch(edge):
    path = await edge.put("a.mp4", pattern(100_000))
    if edge.rig:
        edge.rig.storage.delay_s = 0.05
    before = await edge.fetches()
    queries = [edge.prefix(ttl_s=60 + i) for i in range(50)]
    answers = await asyncio.gather(*(edge.ask(f"{path}?{query}") for query in queries))
    assert {(status, body) for status, _, body in answers} == {(200, pattern(100_000))}
    assert await edge.fetches() == before + 1


async def test_second_request_is_a_hit_and_ages(edge):
    path = await edge.put("a.mp4", b"music")
    query = edge.prefix()
    _, first, _ = await edge.ask(f"{path}?{query}")
    _, second, _ = await edge.ask(f"{path}?{query}")
    assert (first["x-cache-status"], second["x-cache-status"]) == ("miss", "hit")
    assert "age" not in first
    assert int(second["age"]) >= 0
    assert second["cache-control"] == first["cache-control"]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=1048570-1048590", 1048570, 1048591),
        ("bytes=2500000-", 2500000, 2_600_000),
        ("bytes=2500000-99999999", 2500000, 2_600_000),
        ("bytes=-7", 2_599_993, 2_600_000),
        ("bytes=-99999999", 0, 2_600_000),
        ("bytes=0-", 0, 2_600_000),
    ],
)
async def test_range_is_206_cold_and_warm(edge, asked, start, end):
    whole = pattern(2_600_000)
    path = await edge.put("big.mp4", whole)
    query = edge.prefix()
    for _ in range(2):
        status, told, body = await edge.ask(f"{path}?{query}", range=asked)
        assert status == 206
        assert told["content-range"] == f"bytes {start}-{end - 1}/2600000"
        assert told["content-length"] == str(end - start)
        assert body == whole[start:end]


@pytest.mark.parametrize(
    "asked", ["bytes=5-", "bytes=9-12", "bytes=3-2", "bytes=-0", "bytes=0-1,3-4", "bytes=x"]
)
async def test_range_that_cannot_be_served_is_416(edge, asked):
    path = await edge.put("a.mp4", b"music")
    status, told, body = await edge.ask(f"{path}?{edge.prefix()}", range=asked)
    assert (status, body) == (416, b"")
    assert told["content-range"] == "bytes */5"


async def test_range_far_beyond_the_end_of_a_cold_object_is_416(edge):
    path = await edge.put("a.mp4", b"music")
    status, told, _ = await edge.ask(f"{path}?{edge.prefix()}", range="bytes=50000000-")
    assert (status, told["content-range"]) == (416, "bytes */5")
    assert (await edge.ask(f"{path}?{edge.prefix()}"))[2] == b"music"


async def test_small_ranges_of_one_object_fill_by_chunks(edge):
    whole = pattern(3 * MIB)
    path = await edge.put("big.mp4", whole)
    query = edge.prefix()
    before = await edge.fetches()
    for start in range(0, 3 * MIB, 160_000):
        end = min(start + 160_000, 3 * MIB)
        _, _, body = await edge.ask(f"{path}?{query}", range=f"bytes={start}-{end - 1}")
        assert body == whole[start:end]
    assert await edge.fetches() - before <= 3


async def test_whole_large_object_arrives_and_is_then_a_hit(edge):
    whole = pattern(5 * MIB + 12345)
    path = await edge.put("big.mp4", whole)
    for expected in ("miss", "hit"):
        status, told, body = await edge.ask(f"{path}?{edge.prefix()}")
        assert (status, told["x-cache-status"]) == (200, expected)
        assert body == whole


async def test_empty_object(edge):
    path = await edge.put("empty.mp4", b"")
    for _ in range(2):
        status, told, body = await edge.ask(f"{path}?{edge.prefix()}")
        assert (status, told["content-length"], body) == (200, "0", b"")
    assert (await edge.ask(f"{path}?{edge.prefix()}", range="bytes=0-"))[0] == 416


async def test_head_has_the_headers_and_no_body(edge):
    path = await edge.put("a.mp4", pattern(2 * MIB))
    for _ in range(2):
        status, told, body = await edge.ask(f"{path}?{edge.prefix()}", "HEAD")
        assert (status, told["content-length"], body) == (200, str(2 * MIB), b"")
    status, told, _ = await edge.ask(f"{path}?{edge.prefix()}", "HEAD", range="bytes=0-9")
    assert (status, told["content-length"]) == (206, "10")


async def test_if_none_match_is_304(edge):
    path = await edge.put("a.mp4", b"music")
    target = f"{path}?{edge.prefix()}"
    etag = (await edge.ask(target))[1]["etag"]
    for told in (etag, f'"other", {etag}', "*", f"W/{etag}"):
        status, headers, body = await edge.ask(target, if_none_match=told)
        assert (status, body, headers["etag"]) == (304, b"", etag)
    assert (await edge.ask(target, if_none_match='"other"'))[0] == 200
    assert (await edge.ask(target, if_match='"other"'))[0] == 412


async def test_if_range_of_another_version_gives_the_whole(edge):
    path = await edge.put("a.mp4", b"music")
    target = f"{path}?{edge.prefix()}"
    etag = (await edge.ask(target))[1]["etag"]
    assert (await edge.ask(target, range="bytes=0-1", if_range=etag))[2] == b"mu"
    status, _, body = await edge.ask(target, range="bytes=0-1", if_range='"other"')
    assert (status, body) == (200, b"music")


async def test_missing_object_is_404_and_kept_for_a_while(edge):
    target = f"{edge.folder}missing.mp4?{edge.prefix()}"
    before = await edge.fetches()
    for _ in range(3):
        assert (await edge.ask(target))[0] == 404
    assert await edge.fetches() == before + 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_other_methods(edge, method):
    path = await edge.put("a.mp4", b"music")
    assert (await edge.ask(path, method, b"x"))[0] == 405
    assert (await edge.ask(f"{path}?{edge.prefix()}", method, b"x"))[0] == 403
    assert (await edge.ask(f"{path}?{edge.prefix()}"))[2] == b"music"


async def test_names_in_unicode_and_with_odd_characters(edge):
    for name in ("caf%C3%A9%20%231.mp4", "a%2Bb.mp4", "100%25.mp4", "%E6%97%A5%E6%9C%AC.mp4"):
        path = edge.folder + name
        if edge.rig:
            edge.rig.storage.put(f"/test-project-audio{unquote(path)}", name.encode())
        else:
            await edge.put(name, name.encode())
        assert (await edge.ask(f"{path}?{edge.prefix()}"))[2] == name.encode()
