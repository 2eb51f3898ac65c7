"""`/rest/*`: each method with and without `.view`, by GET and by form, in XML, JSON or JSONP.

The OpenAPI document has each once, by GET.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from functions.subsonic import wire
from functions.subsonic.call import Call, Method
from functions.subsonic.collection import Collections
from functions.subsonic.kept import Keeping
from functions.subsonic.methods import METHODS
from functions.subsonic.parameters import Asked
from functions.subsonic.refusals import GENERIC, Refused
from functions.subsonic.sign_in import SignIn
from functions.subsonic.system import extensions
from functions.subsonic.upstream import Upstream, Web
from shared.errors import SegueError

log = logging.getLogger(__name__)

PUBLIC = "getOpenSubsonicExtensions"
COMMON = ("u", "t", "s", "apiKey", "v", "c", "f", "callback")


def routes(
    upstream: Upstream,
    sign_in: SignIn,
    collections: Collections,
    keeping: Keeping,
    *,
    now: Callable[[], datetime],
) -> APIRouter:
    """Every method of `METHODS`, and a refusal of any other."""
    router = APIRouter()

    async def answered(request: Request, method: Method) -> Response:
        asked, refused = await _read(request)
        format, callback = asked.find("f"), asked.find("callback")
        try:
            if refused is not None:
                raise refused
            wire.check(format, callback)
            for name in ("v", "c"):
                asked.text(name)
            listener = await sign_in.listener(asked)
            for name in method.needs:
                asked.text(name)
            web = Web(upstream, listener.token)
            call = Call(asked, listener, web, collections, keeping, upstream.public_url, now())
            found = await method.handle(call)
        except Refused as error:
            return wire.failed(error, format, callback)
        except SegueError as error:
            log.warning("%s: %s", error.code, error.message, exc_info=error)
            return wire.failed(Refused(GENERIC, "try again"), format, callback)
        except (KeyError, TypeError, IndexError, msgspec.MsgspecError) as error:
            # Another service answered what it never says; the client may try again.
            log.error("an answer could not be read", exc_info=error)
            return wire.failed(Refused(GENERIC, "try again"), format, callback)
        return found if isinstance(found, Response) else wire.ok(found, format, callback)

    def handler(method: Method) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            return await answered(request, method)

        return handle

    async def public(request: Request) -> Response:
        asked, refused = await _read(request)
        format, callback = asked.find("f"), asked.find("callback")
        try:
            if refused is not None:
                raise refused
            wire.check(format, callback)
        except Refused as error:
            return wire.failed(error, format, callback)
        found = extensions()
        assert not isinstance(found, Response)
        return wire.ok(found, format, callback)

    def add(name: str, handle: Callable[..., Any], described: dict[str, Any]) -> None:
        router.add_api_route(f"/rest/{name}", handle, methods=["GET"], openapi_extra=described)
        for path, verbs in ((f"/rest/{name}", ["POST"]), (f"/rest/{name}.view", ["GET", "POST"])):
            router.add_route(path, handle, methods=verbs, include_in_schema=False)

    for name, method in METHODS.items():
        add(name, handler(method), takes(method))
    add(PUBLIC, public, takes(None))

    # After all others: the first route that fits answers.
    @router.get("/rest/{name}", include_in_schema=False)
    @router.post("/rest/{name}", include_in_schema=False)
    async def unknown(name: str, request: Request) -> Response:
        asked, _ = await _read(request)
        refused = Refused(GENERIC, f"no method {name[:60]}")
        return wire.failed(refused, asked.find("f"), asked.find("callback"), 404)

    return router


def takes(method: Method | None) -> dict[str, Any]:
    """`openapi_extra`: the parameters that a method reads, those of every method among them."""
    names = ("f", "callback") if method is None else (*method.needs, *method.takes, *COMMON)
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
            for name in names
        ]
    }


async def _read(request: Request) -> tuple[Asked, Refused | None]:
    """The parameters; where they are malformed none, and why."""
    query = request.scope.get("query_string", b"")
    kind = request.headers.get("content-type", "")
    try:
        return Asked.parse(query, kind, await request.body()), None
    except Refused as refused:
        return Asked(()), refused
