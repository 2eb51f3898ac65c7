"""`POST /batch/storage/v1`: up to 100 calls in one multipart/mixed request, answered in kind."""

import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from emulators.runtime.storage.errors import BadRequest
from emulators.runtime.storage.related import boundary_of
from emulators.runtime.storage.web import Answer, Request, Scope

_MOST_CALLS = 100


async def answer(request: Request, dispatch: Callable[[Request], Awaitable[Answer]]) -> Answer:
    """Make each call by `dispatch`, in order; one that fails does not stop the others."""
    boundary = boundary_of(request.headers.get("content-type", ""))
    calls = _parts(await request.body(), boundary.encode())
    if len(calls) > _MOST_CALLS:
        raise BadRequest(f"The batch has {len(calls)} calls, the limit is {_MOST_CALLS}.")
    mark = f"batch_{secrets.token_hex(12)}"
    out = bytearray()
    for id, head, body in calls:
        reply = await dispatch(_request(request, head, body))
        out += f"--{mark}\r\nContent-Type: application/http\r\n".encode()
        if id:
            out += f"Content-ID: <response-{id.strip('<>')}>\r\n".encode()
        out += b"\r\n" + _written(reply) + b"\r\n"
    out += f"--{mark}--\r\n".encode()
    return Answer(200, (("content-type", f"multipart/mixed; boundary={mark}"),), bytes(out))


def _parts(body: bytes, boundary: bytes) -> list[tuple[str, bytes, bytes]]:
    """(Content-ID, inner request's head, inner body) of every part; line ends may be LF alone."""
    found = []
    for part in body.replace(b"\r\n", b"\n").split(b"--" + boundary)[1:]:
        if part.startswith(b"--"):
            break
        outer, _, inner = part.strip(b"\n").partition(b"\n\n")
        head, _, rest = inner.strip(b"\n").partition(b"\n\n")
        ids = [
            v
            for line in outer.split(b"\n")
            for k, _, v in [line.partition(b":")]
            if k.strip().lower() == b"content-id"
        ]
        found.append((ids[0].strip().decode() if ids else "", head, rest))
    return found


def _request(outer: Request, head: bytes, body: bytes) -> Request:
    first, *lines = head.split(b"\n")
    try:
        method, target, _ = first.decode("ascii").split(" ")
    except ValueError:
        raise BadRequest("Malformed call in the batch.") from None
    path, _, query = target.partition("?")
    if "://" in path:
        path = "/" + path.split("/", 3)[3]
    headers = [(b"host", outer.headers.get("host", "").encode())]
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name.strip().lower(), value.strip()))
    scope: Scope = {
        "method": method,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": headers,
        "server": ("", outer.port),
    }

    async def receive() -> dict:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(scope, receive)


def _written(answer: Answer) -> bytes:
    if not isinstance(answer.body, bytes):
        answer.body.close()
        raise BadRequest("Media may not be read in a batch.")
    body = answer.body
    phrase = HTTPStatus(answer.status).phrase
    lines = [f"HTTP/1.1 {answer.status} {phrase}"]
    lines += [f"{name.title()}: {value}" for name, value in answer.headers]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
