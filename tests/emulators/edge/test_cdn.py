"""Backend buckets behind the front door, beyond the conformance suite."""

import time

import aiohttp
import pytest

from emulators.runtime.edge.app import Limits
from shared.cdn import sign_cookie, sign_prefix
from tests.emulators.edge.rig import AUDIO_POLICY, KEY, OTHER_KEY, graph, running

MIB = 1 << 20


def signed(rig, folder: str = "/audio/a/", key=KEY) -> str:
    return sign_prefix(rig.url + folder, key, int(time.time()) + 60)


async def test_public_bucket_is_cached_unsigned_and_the_client_ttl_holds(rig):
    rig.storage.put("/test-project-images/images/x.jpg", b"jpeg", content_type="image/jpeg")
    _, first, _ = await rig.get("/images/x.jpg?v=1")
    _, second, body = await rig.get("/images/x.jpg?v=2")
    assert (first["x-cache-status"], second["x-cache-status"], body) == ("miss", "hit", b"jpeg")
    assert second["cache-control"] == "public, max-age=600, immutable"
    assert second["x-content-type-options"] == "nosniff"
    assert len(rig.storage.fetches) == 1


async def test_main_page_and_not_found_page(rig):
    page = {"content_type": "text/html", "cache_control": "no-cache"}
    rig.storage.put("/test-project-web/index.html", b"<h1>Segue", **page)
    rig.storage.put("/test-project-web/404.html", b"<h1>Lost", **page)
    status, told, body = await rig.get("/")
    assert (status, told["content-type"], body) == (200, "text/html", b"<h1>Segue")
    assert (await rig.get("/index.html"))[2] == b"<h1>Segue"
    assert (await rig.get("/nowhere"))[::2] == (404, b"<h1>Lost")
    assert (await rig.get("/nowhere", Range="bytes=0-1"))[::2] == (404, b"<h1>Lost")


async def test_entry_page_is_asked_for_each_time(rig):
    page = {"content_type": "text/html", "cache_control": "no-cache"}
    rig.storage.put("/test-project-web/index.html", b"old", **page)
    assert (await rig.get("/"))[1]["x-cache-status"] == "miss"
    assert (await rig.get("/"))[1]["x-cache-status"] == "revalidated"
    rig.storage.put("/test-project-web/index.html", b"new", **page)
    assert (await rig.get("/"))[2] == b"new"


async def test_bucket_without_keys_takes_no_notice_of_signatures(rig):
    rig.storage.put("/test-project-images/images/x.jpg", b"jpeg", content_type="image/jpeg")
    cookie = sign_cookie(rig.url + "/audio/a/", KEY, 1)
    status, _, _ = await rig.get("/images/x.jpg?Signature=x", Cookie=f"Cloud-CDN-Cookie={cookie}")
    assert status == 200


async def test_both_live_keys_open(rig):
    rig.storage.put("/test-project-audio/audio/a/x.mp4", b"music")
    for key in (KEY, OTHER_KEY):
        assert (await rig.get(f"/audio/a/x.mp4?{signed(rig, key=key)}"))[0] == 200
    assert len(rig.storage.fetches) == 1


async def test_neither_cookies_nor_credentials_reach_the_origin(rig):
    rig.storage.put("/test-project-audio/audio/a/x.mp4", b"music")
    target = f"/audio/a/x.mp4?{signed(rig)}"
    await rig.get(target, Cookie="session=1", Authorization="Bearer x", Range="bytes=0-1")
    [asked] = rig.storage.fetches
    assert not {"cookie", "authorization"} & asked.keys()
    assert asked["range"] == f"bytes=0-{MIB - 1}"


async def test_signature_parameters_do_not_reach_the_origin(rig):
    await rig.get(f"/audio/a/x.mp4?{signed(rig)}")
    assert rig.storage.fetches[0]["path"] == "/test-project-audio/audio/a/x.mp4"


async def test_spellings_of_one_name_share_an_entry(rig):
    rig.storage.put("/test-project-audio/audio/a/x.mp4", b"music")
    for name in ("x.mp4", "%78.mp4", "x%2Emp4"):
        assert (await rig.get(f"/audio/a/{name}?{signed(rig)}"))[2] == b"music"
    assert len(rig.storage.fetches) == 1


async def test_cross_origin_answers_are_kept_by_origin(rig):
    rig.storage.put("/test-project-images/images/x.jpg", b"jpeg", content_type="image/jpeg")
    target = "/images/x.jpg"
    for origin in ("https://a.example", "https://b.example", "https://a.example"):
        await rig.get(target, Origin=origin)
    assert [one.get("origin") for one in rig.storage.fetches] == [
        "https://a.example",
        "https://b.example",
    ]


async def test_signed_audio_is_one_entry_for_every_origin(rig):
    rig.storage.put("/test-project-audio/audio/a/x.mp4", b"music")
    target = f"/audio/a/x.mp4?{signed(rig)}"
    await rig.get(target)
    _, told, _ = await rig.get(target, Origin="https://a.example")
    assert told["x-cache-status"] == "hit"


async def test_what_a_warmer_brings_waits_for_its_first_reader(rig):
    rig.storage.put("/test-project-audio/audio/a/x.mp4", bytes(3 * MIB + 5))
    target = f"/audio/a/x.mp4?{signed(rig)}"
    for _ in range(2):  # again is no harm, and no interest either
        status, _, body = await rig.get(target, X_Segue_Warm="1", Range=f"bytes=0-{2 * MIB - 1}")
        assert (status, body) == (204, b"")
    assert len(rig.storage.fetches) == 2
    _, told, body = await rig.get(target, Range=f"bytes={MIB - 2}-{MIB + 1}")
    assert (told["x-cache-status"], len(body)) == ("hit", 4)
    assert len(rig.storage.fetches) == 2
    assert (await rig.stats())["warmed"] == 2


async def test_nobody_warms_without_a_signature(rig):
    rig.storage.put("/test-project-audio/audio/a/x.mp4", b"music")
    assert (await rig.get("/audio/a/x.mp4", X_Segue_Warm="1"))[0] == 403
    assert (await rig.get(f"/audio/b/x.mp4?{signed(rig)}", X_Segue_Warm="1"))[0] == 403
    status, _, _ = await rig.get(f"/audio/a/y.mp4?{signed(rig)}", X_Segue_Warm="1")
    assert status == 404


async def test_origin_out_of_order_is_told(rig):
    rig.storage.failing = 500
    status, told, _ = await rig.get(f"/audio/a/x.mp4?{signed(rig)}")
    assert (status, told["x-cache-status"]) == (500, "uncacheable")
    rig.storage.failing = 0
    rig.storage.put("/test-project-audio/audio/a/x.mp4", b"music")
    assert (await rig.get(f"/audio/a/x.mp4?{signed(rig)}"))[0] == 200


async def test_object_replaced_between_reads_is_read_anew(rig):
    rig.storage.put("/test-project-audio/audio/a/x.mp4", b"1" * (2 * MIB))
    target = f"/audio/a/x.mp4?{signed(rig)}"
    await rig.get(target, Range="bytes=0-9")
    rig.storage.put("/test-project-audio/audio/a/x.mp4", b"2" * (2 * MIB))
    status, told, body = await rig.get(target, Range=f"bytes={MIB}-{MIB + 9}")
    assert (status, body) == (206, b"2" * 10)
    assert told["x-goog-generation"] == "2"


async def test_object_of_which_a_part_is_kept_is_read_anew_when_replaced(rig):
    rig.storage.put("/test-project-audio/audio/a/x.mp4", b"1" * (2 * MIB))
    target = f"/audio/a/x.mp4?{signed(rig)}"
    await rig.get(target, Range="bytes=0-9")
    rig.storage.put("/test-project-audio/audio/a/x.mp4", b"2" * (2 * MIB))
    assert (await rig.get(target))[::2] == (200, b"2" * (2 * MIB))


async def test_object_replaced_half_way_breaks_the_response_off(rig):
    whole = b"1" * (12 * MIB)
    rig.storage.put("/test-project-audio/audio/a/x.mp4", whole)
    async with rig.client.get(f"{rig.url}/audio/a/x.mp4?{signed(rig)}") as response:
        seen = set(await response.content.readexactly(1000))
        rig.storage.put("/test-project-audio/audio/a/x.mp4", b"2" * (12 * MIB))

        async def rest() -> None:
            while part := await response.content.read(65536):
                seen.update(part)

        with pytest.raises(aiohttp.ClientPayloadError):
            await rest()
    assert seen == {ord("1")}
    assert set((await rig.get(f"/audio/a/x.mp4?{signed(rig)}"))[2]) == {ord("2")}


async def test_memory_is_bounded(tmp_path):
    async with running(tmp_path, graph(), Limits(cache_bytes=3 * MIB)) as rig:
        for number in range(8):
            path = f"/audio/a/{number}.mp4"
            rig.storage.put(f"/test-project-audio{path}", bytes([number]) * MIB)
            status, _, body = await rig.get(f"{path}?{signed(rig)}")
            assert (status, body) == (200, bytes([number]) * MIB)
        status, told, body = await rig.get(f"/audio/a/0.mp4?{signed(rig)}")
        assert (status, told["x-cache-status"], len(body)) == (200, "miss", MIB)


async def test_bypass_header_goes_to_the_origin(tmp_path):
    policy = {**AUDIO_POLICY, "bypassCacheOnRequestHeaders": [{"headerName": "X-Fresh"}]}
    async with running(tmp_path, graph(audio_policy=policy)) as rig:
        rig.storage.put("/test-project-audio/audio/a/x.mp4", b"music")
        target = f"/audio/a/x.mp4?{signed(rig)}"
        await rig.get(target)
        await rig.get(target)
        await rig.get(target, X_Fresh="1")
        assert len(rig.storage.fetches) == 2


async def test_stats_count_each_bucket(rig):
    rig.storage.put("/test-project-audio/audio/a/x.mp4", b"music")
    target = f"/audio/a/x.mp4?{signed(rig)}"
    await rig.get(target)
    await rig.get(target)
    await rig.get(target[:-3] + "AA=")
    await rig.get("/audio/a/x.mp4")
    found = await rig.stats()
    assert found == {
        "requests": 4,
        "hits": 1,
        "misses": 1,
        "revalidated": 0,
        "stale": 0,
        "uncacheable": 1,
        "origin_fetches": 2,
        "origin_bytes": found["origin_bytes"],
        "sent_bytes": found["sent_bytes"],
        "signatures_verified": 2,
        "signatures_refused": 1,
        "unsigned": 1,
        "warmed": 0,
    }
