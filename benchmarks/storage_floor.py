"""The floor of `benchmarks.storage`: an ASGI server that only moves the bytes.

It answers the four requests that the benchmark makes, without checksums, metadata, checks or
promises: whatever the client and HTTP cost, this costs too. `python -m benchmarks.storage_floor
DIR` prints the address it listens on.
"""

import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvicorn
import uvloop

_JSON = (b"content-type", b"application/json")
_OBJECT = json.dumps({"name": "floor", "bucket": "bench", "generation": "1"}).encode()


class Floor:
    """Uploads are appended to one file; reads come from it."""

    def __init__(self, path: Path, url: str) -> None:
        self._path = path
        self._url = url

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        query = parse_qs(scope["query_string"].decode())
        headers = dict(scope["headers"])
        if scope["method"] == "GET" and not self._path.exists():
            await _answer(send, 404, [], b"")
        elif scope["method"] == "GET":
            await self._read(headers.get(b"range", b"").decode(), send)
        elif query.get("uploadType") == ["multipart"]:
            async for _ in _body(receive):
                pass
            await _answer(send, 200, [_JSON], _OBJECT)
        elif scope["method"] == "POST":
            self._path.unlink(missing_ok=True)
            await _answer(send, 200, [(b"location", f"{self._url}/upload".encode())], b"")
        else:
            await self._append(headers[b"content-range"].decode(), receive, send)

    async def _append(self, content_range: str, receive: Any, send: Any) -> None:
        with open(self._path, "ab", buffering=1 << 20) as out:  # noqa: ASYNC230
            async for chunk in _body(receive):
                out.write(chunk)
        size, total = self._path.stat().st_size, int(content_range.rpartition("/")[2])
        if size == total:
            await _answer(send, 200, [_JSON], _OBJECT)
        else:
            await _answer(send, 308, [(b"range", f"bytes=0-{size - 1}".encode())], b"")

    async def _read(self, wanted: str, send: Any) -> None:
        size = self._path.stat().st_size
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first or 0), min(int(last or size), size - 1)
        shown = f"bytes {start}-{end}/{size}".encode()
        length = str(end - start + 1).encode()
        headers = [(b"content-length", length), (b"content-range", shown)]
        await send({"type": "http.response.start", "status": 206, "headers": headers})
        with open(self._path, "rb") as file:  # noqa: ASYNC230
            for at in range(start, end + 1, 1 << 19):
                block = os.pread(file.fileno(), min(1 << 19, end + 1 - at), at)
                await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _body(receive: Any) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        yield message.get("body", b"")


async def _answer(send: Any, status: int, headers: list, body: bytes) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        Floor(Path(sys.argv[1]) / "floor", url),
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
    )
    print(url, flush=True)
    uvloop.run(uvicorn.Server(config).serve([listener]))


if __name__ == "__main__":
    main()
