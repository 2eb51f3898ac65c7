"""The front door: what the load balancer adds, drops, streams and refuses."""

import asyncio
import hashlib
import io
import json

import aiohttp
import pytest

from emulators.runtime.edge.app import Limits
from emulators.runtime.edge.front_door import check_path
from emulators.runtime.edge.proxy import Malformed, check_framing
from tests.emulators.edge.rig import graph, running


def headers_of(body: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in json.loads(body)["headers"]:
        found.setdefault(name, []).append(value)
    return found


async def test_adds_what_the_load_balancer_adds(rig):
    _, told, body = await rig.get(
        "/v1/uploads?a=%20b",
        X_Forwarded_For="6.6.6.6",
        X_Forwarded_Proto="https",
        X_Client_Geo_Region="US",
    )
    seen = headers_of(body)
    assert seen["x-forwarded-for"] == ["6.6.6.6,127.0.0.1,127.0.0.1"]
    assert seen["x-forwarded-proto"] == ["http"]
    assert seen["x-client-geo-region"] == ["GB"]
    assert seen["via"] == ["1.1 google"]
    assert seen["host"] == [rig.url.removeprefix("http://")]
    assert len(seen["x-cloud-trace-context"]) == 1
    assert told["via"] == "1.1 google"
    assert json.loads(body)["query"] == "a=%20b"


async def test_client_region_of_this_machine_can_be_told(rig):
    _, _, body = await rig.get("/v1/uploads", X_Local_Client_Region="de")
    assert headers_of(body)["x-client-geo-region"] == ["DE"]
    assert "x-local-client-region" not in headers_of(body)


async def test_path_and_query_arrive_byte_for_byte(rig):
    _, _, body = await rig.get("/v1/uploads/a%2Fb%20c/%E6%97%A5?q=%2B+&&x")
    told = json.loads(body)
    assert (told["path"], told["query"]) == ("/v1/uploads/a%2Fb%20c/%E6%97%A5", "q=%2B+&&x")


async def test_hop_by_hop_headers_stop_here(rig):
    status, told, body = await rig.get(
        "/v1/uploads", TE="trailers", Connection="close, X-Mine", X_Mine="1", X_Kept="2"
    )
    assert status == 200
    seen = headers_of(body)
    assert not {"te", "x-mine"} & seen.keys()
    assert seen["x-kept"] == ["2"]
    assert "x-secret" not in told


async def test_repeated_response_headers_stay_repeated(rig):
    async with rig.client.get(rig.url + "/v1/uploads") as response:
        assert response.headers.getall("Set-Cookie") == ["a=1", "b=2"]


async def test_large_body_arrives_whole(rig):
    body = bytes(range(256)) * 40_000
    status, _, told = await rig.request("POST", "/v1/uploads", io.BytesIO(body))
    assert status == 200
    assert json.loads(told)["body_bytes"] == len(body)
    assert json.loads(told)["body_sha256"] == hashlib.sha256(body).hexdigest()


async def test_empty_post(rig):
    _, _, told = await rig.request("POST", "/v1/uploads")
    assert (json.loads(told)["method"], json.loads(told)["body_bytes"]) == ("POST", 0)


async def test_body_and_response_stream_as_they_come(rig):
    received = asyncio.Event()

    async def parts():
        yield b"first"
        await asyncio.wait_for(received.wait(), 5)
        yield b"second"

    async with rig.client.post(rig.url + "/v1/uploads/stream", data=parts()) as response:
        assert await response.content.readexactly(5) == b"first"
        received.set()
        assert await response.content.read() == b"second"


async def test_response_that_breaks_half_way_is_cut_not_ended(rig):
    async def cut(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(cut, "127.0.0.1", 0) as server:
        rig.route(("catalog-00001", server.sockets[0].getsockname()[1], 100))
        with pytest.raises(aiohttp.ClientPayloadError):
            await rig.get("/v1/uploads")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 503),
        (b"nonsense\r\n\r\n", 502),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200),
    ],
)
async def test_odd_answers_of_an_instance(rig, raw, status):
    async def serve(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        rig.route(("catalog-00001", server.sockets[0].getsockname()[1], 100))
        assert (await rig.request("POST", "/v1/uploads"))[0] == status


@pytest.mark.parametrize(("method", "status", "asked"), [("GET", 200, 2), ("POST", 503, 1)])
async def test_only_reads_are_asked_again_when_the_connection_breaks(rig, method, status, asked):
    seen = 0

    async def serve(reader, writer) -> None:
        nonlocal seen
        await reader.readuntil(b"\r\n\r\n")
        seen += 1
        if seen > 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        rig.route(("catalog-00001", server.sockets[0].getsockname()[1], 100))
        assert (await rig.request(method, "/v1/uploads"))[0] == status
    assert seen == asked


async def test_head_of_a_service(rig):
    status, told, body = await rig.request("HEAD", "/v1/uploads")
    assert (status, body) == (200, b"")
    assert int(told["content-length"]) > 0


async def test_client_that_leaves_is_noticed_upstream(rig):
    response = await rig.client.get(rig.url + "/v1/uploads/forever")
    assert await response.content.readexactly(4) == b"tick"
    response.close()
    for _ in range(100):
        if rig.instance.gone:
            break
        await asyncio.sleep(0.02)
    assert rig.instance.gone == 1


@pytest.mark.parametrize(
    "framing", ["Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
)
async def test_half_a_body_never_arrives_as_a_whole_one(rig, framing):
    _, writer = await asyncio.open_connection("127.0.0.1", rig.ports["front"])
    writer.write(f"POST /v1/uploads HTTP/1.1\r\nHost: h\r\n{framing}".encode())
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    for _ in range(100):
        if rig.instance.cut:
            break
        await asyncio.sleep(0.02)
    assert (rig.instance.cut, rig.instance.whole) == (1, 0)


async def test_slow_service_is_504(tmp_path):
    catalog = {"template": {"maxInstanceRequestConcurrency": 80, "timeout": "0.2s"}}
    async with running(tmp_path, graph(catalog=catalog)) as rig:
        status, _, body = await rig.get("/v1/uploads/wait")
        assert (status, json.loads(body)["error"]["reason"]) == (504, "UPSTREAM_TIMEOUT")


async def test_instance_that_never_comes_up_is_503(tmp_path):
    async with running(tmp_path, graph(), Limits(wait_s=0.3, front_door_iam=False)) as rig:
        rig.route(("catalog-00001", rig.ports["closed"], 100))
        status, _, body = await rig.get("/v1/uploads")
        assert (status, json.loads(body)["error"]["reason"]) == (503, "INSTANCE_NOT_READY")
        rig.route()
        assert (await rig.get("/v1/uploads"))[0] == 503


async def test_request_waits_for_a_restarting_instance(rig):
    rig.route(("catalog-00001", rig.ports["closed"], 100))
    asked = asyncio.ensure_future(rig.request("POST", "/v1/uploads", b"kept"))
    await asyncio.sleep(0.2)
    assert not asked.done()
    rig.route(("catalog-00002", rig.ports["two"], 100))
    status, _, body = await asked
    assert (status, json.loads(body)["body_bytes"]) == (200, 4)


async def test_internal_service_is_not_reachable(tmp_path):
    catalog = {"template": {}, "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY"}
    made = graph()
    resources = tuple(
        type(one)(one.urn, one.type, one.name, {**one.properties, **catalog})
        if one.type == "gcp:cloudrunv2/service:Service"
        else one
        for one in made.resources
    )
    made = type(made)("t", made.project, made.project_number, made.region, resources)
    async with running(tmp_path, made) as rig:
        assert (await rig.get("/v1/uploads"))[0] == 404


async def test_rate_limit_answers_429(tmp_path):
    async with running(tmp_path, graph(requests_per_minute=3)) as rig:
        statuses = [(await rig.get("/v1/uploads"))[0] for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        assert (await rig.get("/"))[0] == 404  # a bucket without the policy


@pytest.mark.parametrize(
    "request_text",
    [
        "POST /v1/uploads HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked"
        "\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /v1/uploads HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5"
        "\r\n\r\nabcde",
        "POST /v1/uploads HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /v1/uploads HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "GET /v1/uploads HTTP/1.1\r\nHost: h\r\nHost: other\r\n\r\n",
        "GET /v1/uploads/../../_events/x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /v1/uploads HTTP/1.1\r\nHost: h\r\nX-A: b\r\n c: d\rGET / HTTP/1.1\r\n\r\n",
    ],
)
async def test_ambiguous_requests_are_refused(rig, request_text):
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.ports["front"])
    writer.write(request_text.encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400"), answer
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"1"), (b"content-length", b"1")],
        [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
        [(b"content-length", b"+1")],
        [(b"transfer-encoding", b"gzip, chunked")],
        [(b"host", b"a"), (b"host", b"b")],
    ],
)
def test_framing_that_can_be_read_in_two_ways(headers):
    with pytest.raises(Malformed):
        check_framing(headers)


def test_paths_that_climb():
    for path in ("/a/../b", "/..", "/./a", "/a/.", "a"):
        with pytest.raises(Malformed):
            check_path(path)
    for path in ("/", "/a..b/...", "/.well-known/x", "/a/..b", "/a//b"):
        check_path(path)


async def test_health(rig):
    status, _, body = await rig.get(rig.health_url + "/_health")
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    assert (await rig.get(rig.health_url + "/else"))[0] == 404


class TestWebSocket:
    async def test_messages_cross_both_ways(self, rig):
        url = rig.url.replace("http", "ws") + "/v1/uploads/live?x=1"
        async with rig.client.ws_connect(url, protocols=("segue.v1",)) as ws:
            assert ws.protocol == "segue.v1"
            await ws.send_str("héllo")
            assert await ws.receive_str() == "héllo"
            await ws.send_bytes(bytes(300_000))
            assert await ws.receive_bytes() == bytes(300_000)
            await ws.send_str("headers")
            seen = json.loads(await ws.receive_str())
            assert seen["x-forwarded-for"] == "127.0.0.1,127.0.0.1"
            assert seen["x-client-geo-region"] == "GB"

    async def test_service_closes_with_its_code(self, rig):
        async with rig.client.ws_connect(rig.url + "/v1/uploads/live") as ws:
            await ws.send_str("close")
            message = await ws.receive()
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4001)
            assert message.extra == "asked"

    async def test_client_closes_with_its_code(self, rig):
        async with rig.client.ws_connect(rig.url + "/v1/uploads/live") as ws:
            await ws.close(code=4002)
        for _ in range(100):
            if rig.instance.gone:
                break
            await asyncio.sleep(0.02)
        assert rig.instance.gone == 4002

    async def test_refusal_is_what_the_client_gets(self, rig):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await rig.client.ws_connect(rig.url + "/v1/uploads/refused")
        assert caught.value.status == 403

    async def test_bucket_does_not_speak_it(self, rig):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await rig.client.ws_connect(rig.url + "/audio/x")
        assert caught.value.status == 400

    async def test_it_ends_at_the_request_timeout(self, tmp_path):
        catalog = {"template": {"timeout": "0.3s"}}
        async with (
            running(tmp_path, graph(catalog=catalog)) as rig,
            rig.client.ws_connect(rig.url + "/v1/uploads/live") as ws,
        ):
            message = await ws.receive(timeout=5)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
