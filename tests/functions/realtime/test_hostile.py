"""Frames and sockets that mean harm end with a code, and harm nobody else."""

import asyncio
import contextlib
import json
import socket
from typing import Any

import pytest
import websockets

from functions.realtime.limits import MAX_CHANNELS, MAX_CONNECTIONS_PER_USER
from tests.functions.realtime.rig import Rig, connected

DEEP = '{"op":' * 2000 + "1" + "}" * 2000


@pytest.mark.parametrize(
    ("frame", "code", "reason"),
    [
        ("x" * 20_000, 1009, None),
        (b"\x00\x01", 1003, "BINARY"),
        ("not json", 4400, "MALFORMED"),
        ("[]", 4400, "MALFORMED"),
        ('{"op":1}', 4400, "MALFORMED"),
        ('{"op":"sub","ch":["x"]}', 4400, "MALFORMED"),
        ('{"op":"sub","ch":"playlist:x","epoch":"e","since":-1}', 4400, "MALFORMED"),
        ('{"op":"sub","ch":"playlist:x","epoch":"e","since":1e300}', 4400, "MALFORMED"),
        ('{"op":"sub","ch":"playlist:x","since":99999999999999999999999}', 4400, "MALFORMED"),
        (DEEP, 4400, "MALFORMED"),
        ("[" * 16_000, 4400, "MALFORMED"),
        ('{"op":"ping","x":' + "[" * 8000 + "]" * 8000 + "}", 4400, "MALFORMED"),
        ('{"op":"auth","token":"a.b.c"}', 4401, "TOKEN_INVALID"),
        ('{"op":"auth","token":"\\ud800"}', 4400, "MALFORMED"),
    ],
    ids=lambda it: str(it)[:24],
)
async def test_hostile_frame_is_refused_with_a_code(
    rig: Rig, port: int, frame: str | bytes, code: int, reason: str | None
) -> None:
    async with connected(port, rig.token()) as client:
        await client.socket.send(frame)
        closed = await client.closed()
        assert closed[0] == code
        assert reason is None or closed[1] == reason


async def test_unknown_operation_is_an_error_and_no_end(rig: Rig, port: int) -> None:
    async with connected(port, rig.token()) as client:
        await client.send("explode")
        assert (await client.next())["code"] == "UNKNOWN_OP"


async def test_too_many_frames_end_the_connection(rig: Rig, port: int) -> None:
    async with connected(port, rig.token()) as client:
        with contextlib.suppress(websockets.ConnectionClosed):
            for _ in range(5000):
                await client.socket.send('{"op":"ping"}')
        assert await client.closed() == (4429, "RATE_LIMITED")


async def test_too_many_pings_of_the_protocol_end_it_too(rig: Rig, port: int) -> None:
    async with connected(port, rig.token()) as client:
        with contextlib.suppress(websockets.ConnectionClosed):
            for n in range(5000):
                await client.socket.ping(str(n))
        assert (await client.closed())[0] == 4429


async def test_too_many_channels_and_connections_are_refused(rig: Rig, port: int) -> None:
    async with connected(port, rig.token()) as client:
        connection = next(iter(rig.gateways[0]._sockets)).connection
        assert connection is not None
        connection.channels.update(f"playlist:{n}" for n in range(MAX_CHANNELS))
        assert (await client.subscribe("playlist:one-more"))["code"] == "TOO_MANY_CHANNELS"
        connection.channels.clear()
        async with contextlib.AsyncExitStack() as others:
            for _ in range(MAX_CONNECTIONS_PER_USER - 1):
                await others.enter_async_context(connected(port, rig.token()))
            async with connected(port, None) as late:
                await late.send("auth", token=rig.token())
                assert await late.closed() == (4409, "TOO_MANY_CONNECTIONS")


async def test_client_that_shows_no_token_is_closed(
    rig: Rig, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.realtime.wire.AUTH_S", 0.1)
    async with connected(port, None) as client:
        assert await client.closed() == (4401, "AUTH_TIMEOUT")
    async with connected(port, None) as client:
        await client.send("sub", ch="playlist:x")
        assert await client.closed() == (4401, "AUTH_FIRST")


def stuck_client(rig: Rig, port: int) -> socket.socket:
    """A client in the middle of a handshake that will read nothing."""
    stuck = socket.create_connection(("127.0.0.1", port))
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.sendall(
        f"GET /live?access_token={rig.token('slow')} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n"
        "connection: upgrade\r\nsec-websocket-version: 13\r\n"
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    return stuck


def masked(**frame: Any) -> bytes:
    body = json.dumps(frame).encode()
    return bytes((0x81, 0x80 | len(body))) + b"\0\0\0\0" + body


async def test_client_that_stops_reading_is_cut_and_others_hear_on(rig: Rig, port: int) -> None:
    stuck = stuck_client(rig, port)
    async with connected(port, rig.token("alice")) as alice:
        await alice.subscribe("playlist:p")
        await asyncio.sleep(0.05)
        stuck.sendall(masked(op="sub", ch="playlist:p"))
        await asyncio.sleep(0.1)
        assert rig.gateways[0].connections == 2
        big = "x" * 100_000
        for n in range(60):
            await rig.publish("playlist:p", {"n": n, "big": big})
            assert await alice.numbers(1) == [n + 1]
            if rig.gateways[0].connections == 1:
                break
        assert rig.gateways[0].connections == 1
    stuck.close()


LONG = "x" * 3_000_000
"""As long as the state of a playlist of 20,000 items."""


async def test_state_of_a_long_list_is_no_reason_to_cut(rig: Rig, port: int) -> None:
    await rig.publish("playlist:p", {"long": LONG})
    async with connected(port, rig.token(), max_size=None) as client:
        found = await client.subscribe("playlist:p", epoch="e1", since=0)
        assert found["pubs"][0]["payload"]["long"] == LONG
        await rig.publish("playlist:p", {"long": LONG})
        assert await client.numbers(1) == [2]
        await rig.publish("playlist:p", {"n": 3})
        assert await client.numbers(1) == [3]


async def test_client_that_leaves_a_long_message_unread_is_cut(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.realtime.gateway.SWEEP_S", 0.05)
    port = await rig.add_gateway()
    await rig.publish("playlist:p", {"long": LONG})
    with contextlib.closing(stuck_client(rig, port)) as stuck:
        await counted(rig, 1)
        stuck.sendall(masked(op="sub", ch="playlist:p", epoch="e1", since=0))
        await counted(rig, 0)


async def counted(rig: Rig, connections: int) -> None:
    """Wait until the newest gateway has so many connections."""
    for _ in range(2_000):
        if rig.gateways[-1].connections == connections:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"still {rig.gateways[-1].connections}")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /live HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /live HTTP/9\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /live HTTP/1.1\r\n" + b"a: b\r\n" * 500 + b"\r\n",
        b"GET /live HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n\r\n\x81\x80\0\0\0\0",
    ],
    ids=["method", "version", "tls", "long", "headers", "frames before the answer"],
)
async def test_malformed_handshake_is_answered_and_closed(
    rig: Rig, port: int, request_bytes: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes)
    writer.write_eof() if request_bytes.startswith(b"\x16") else None
    answer = await asyncio.wait_for(reader.read(), 4)
    assert answer.startswith(b"HTTP/1.1 400") or answer == b""
    writer.close()


async def test_handshake_that_never_ends_is_dropped(
    rig: Rig, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.realtime.wire.HANDSHAKE_S", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /live HTTP/1.1\r\n")
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 4) == b""
    writer.close()
