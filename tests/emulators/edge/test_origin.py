"""Cloud Storage as the edge's origin: pieces, odd answers, and one that is starting again."""

import asyncio

import pytest

from emulators.runtime.edge.app import session
from emulators.runtime.edge.origin import OriginError, StorageOrigin


class Scripted:
    """An HTTP server that gives the same raw answer to every request, and keeps what was asked."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.asked: list[bytes] = []
        self.port = 0

    async def start(self, port: int = 0) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader, writer) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.raw)
        await writer.drain()
        writer.close()


def raw(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def fetch(port: int, start: int = 0, length: int = 10, wait_s: float = 5.0):
    async with session() as client:
        origin = StorageOrigin(client, {"fill": port, "anonymous": port}, wait_s)
        return await origin.get("fill", "/b/a%2Fb%20c", start, length, {})


async def test_piece_of_an_object():
    told = ("Content-Range: bytes 10-12/100", 'ETag: "x"', "x-goog-generation: 7")
    scripted = Scripted(raw("206 Partial Content", *told, body=b"abc"))
    async with await scripted.start():
        piece = await fetch(scripted.port, 10, 3)
    assert (piece.status, piece.start, piece.size, piece.body) == (206, 10, 100, b"abc")
    assert piece.version == "7"
    assert scripted.asked[0].startswith(b"GET /b/a%2Fb%20c HTTP/1.1")
    assert b"Range: bytes=10-12" in scripted.asked[0]


async def test_small_object_from_an_origin_that_ignores_range():
    scripted = Scripted(raw("200 OK", 'ETag: "x"', body=b"whole"))
    async with await scripted.start():
        piece = await fetch(scripted.port)
    assert (piece.status, piece.start, piece.size, piece.body) == (200, 0, 5, b"whole")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncut",
        b"not http at all\r\n\r\n",
        b"",
        raw("206 Partial Content", body=b"abc"),
        raw("206 Partial Content", "Content-Range: bytes */5", body=b"abc"),
    ],
)
async def test_unusable_answers(answer):
    scripted = Scripted(answer)
    async with await scripted.start():
        with pytest.raises(OriginError):
            await fetch(scripted.port, wait_s=0.1)


async def test_read_that_breaks_off_is_done_again():
    scripted = Scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nba")
    async with await scripted.start():
        asked = asyncio.ensure_future(fetch(scripted.port))
        while not scripted.asked:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        scripted.raw = raw("200 OK", body=b"back")
        assert (await asked).body == b"back"


async def test_origin_that_starts_again_is_waited_for():
    scripted = Scripted(raw("200 OK", body=b"back"))
    server = await scripted.start()
    server.close()
    await server.wait_closed()
    asked = asyncio.ensure_future(fetch(scripted.port))
    await asyncio.sleep(0.2)
    assert not asked.done()
    async with await scripted.start(scripted.port):
        assert (await asked).body == b"back"
