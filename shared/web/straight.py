"""A short way to handlers that ask for little, past FastAPI's general dependency solver.

A route whose handler is asynchronous, answers a `Response` and takes nothing but text from its
path, the request, principals (`Requires`) and at most one JSON body is called straight. FastAPI
goes on describing it (OpenAPI), and answers whatever is irregular: a body that is not JSON of the
declared model is left to FastAPI, whose errors stay the only ones.

Why: solving the dependencies of a page of 20 tracks costs more than answering it from memory
(`python -m benchmarks.http`).
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.errors import SegueError
from shared.web import errors
from shared.web.principal import Requires

Straight = Callable[[Scope, Receive, Send], Awaitable[bool]]
"""An ASGI app that says whether it answered; if not, it has sent nothing."""


def straight(route: APIRoute) -> Straight | None:
    """What does the same as `route.app`, sooner; None if the handler asks for more."""
    found = route.dependant
    signature = inspect.signature(route.endpoint)
    taken = {name for name in (found.request_param_name,) if name}
    taken |= {field.name for field in found.path_params}
    taken |= {it.name for it in found.dependencies if it.name}
    if not inspect.iscoroutinefunction(route.endpoint) or route.status_code is not None:
        return None
    if signature.return_annotation is not Response or route.dependencies:
        return None
    if not all(_is_text(signature.parameters[field.name]) for field in found.path_params):
        return None
    if not all(isinstance(it.call, Requires) for it in found.dependencies):
        return None
    body: tuple[str, type[BaseModel]] | None = None
    rest = [it for name, it in signature.parameters.items() if name not in taken]
    if rest:
        model = rest[0].annotation
        if len(rest) > 1 or rest[0].default is not inspect.Parameter.empty:
            return None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return None
        body = rest[0].name, model
    principals = [(it.name, it.call) for it in found.dependencies]
    return _Straight(route, found.request_param_name, principals, body)  # type: ignore[arg-type]


def _is_text(parameter: inspect.Parameter) -> bool:
    # An Annotated or defaulted one carries rules of its own.
    return parameter.annotation is str and parameter.default is inspect.Parameter.empty


class _Straight:
    def __init__(
        self,
        route: APIRoute,
        request_name: str | None,
        principals: list[tuple[str, Requires]],
        body: tuple[str, type[BaseModel]] | None,
    ) -> None:
        self._endpoint = route.endpoint
        self._request_name = request_name
        self._principals = principals
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> bool:
        request = Request(scope, receive, send)
        given: dict[str, Any] = dict(scope["path_params"])
        if self._body is not None:
            name, model = self._body
            if not _says_json(request):
                return False
            try:
                given[name] = model.model_validate_json(await request.body())
            except ValidationError:
                return False
        try:
            for name, principal in self._principals:
                given[name] = await principal(request)
            if self._request_name is not None:
                given[self._request_name] = request
            response: Response = await self._endpoint(**given)
        except (SegueError, HTTPException) as error:
            response = await errors.answer_to(request, error)
        await response(scope, receive, send)
        return True


def _says_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0] == "application/json"
