"""A service's OpenAPI document: FastAPI's, made true to what is answered.

FastAPI knows paths, parameters and request bodies. It does not know our error shapes, that
malformed requests are answered with 400 instead of 422, which scope a route needs, or what the
bytes that handlers answer with hold: those come from `shared.web.errors`, from the routes'
`requires(...)` and from the service's own `shapes.py`.

Source: https://spec.openapis.org/oas/v3.1.0
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

from shared.web.principal import Requires
from shared.web.shapes import ERROR, TEXT, Answers, Body, Content, Either, Form, record

VERSION = "1.0.0"
"""Of all documents: major changes break clients, minor ones add."""

_INTERNAL = re.compile(r"/_")


def path_of(name: str) -> str:
    """Where the service `name` serves its document."""
    return f"/v1/openapi/{name}.json"


def document(
    name: str, routes: list[BaseRoute], answers: Mapping[str, Answers | None]
) -> dict[str, Any]:
    """The OpenAPI document of the service `name`.

    `answers` maps operations, `GET /v1/tracks/{track_id}`, to what they answer; None: a page
    for people, which is left out, as are routes between our own parts (`/_…`).
    """
    public = [it for it in _public(routes) if not _is_page(it, answers)]
    made = get_openapi(title=f"Segue {name}", version=VERSION, routes=public)
    components: dict[str, Any] = made.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    scopes: set[str] = set()
    for route in public:
        for method in sorted(route.methods or ()):
            operation = made["paths"][route.path_format][method.lower()]
            operation.pop("operationId", None)
            needed = scope_of(route)
            if needed is not None:
                scopes |= needed
                operation["security"] = [{"oauth2": sorted(needed)}]
            declared = answers.get(f"{method} {route.path}") or {}
            taken = declared.get("request")
            if isinstance(taken, Form):
                operation["requestBody"] = _form(taken)
            elif isinstance(taken, Body):
                content = _content(taken.what, components)
                operation["requestBody"] = {"required": True, "content": content}
            operation["responses"] = _responses(declared, needed is not None, components)
    made["components"]["securitySchemes"] = {"oauth2": _security(scopes)}
    made["components"]["schemas"] = dict(sorted(components.items()))
    made["paths"] = dict(sorted(made["paths"].items()))
    return made


def undescribed(routes: list[BaseRoute], answers: Mapping[str, Answers | None]) -> list[str]:
    """Public operations of which `answers` says nothing, and answers to no operation."""
    known = {f"{method} {it.path}" for it in _public(routes) for method in it.methods or ()}
    return sorted(known ^ answers.keys())


def _public(routes: list[BaseRoute]) -> list[APIRoute]:
    """Routes for others than ourselves, those of included routers among them."""
    found = [it.original_route for it in iter_route_contexts(routes)]
    return [
        it
        for it in found
        if isinstance(it, APIRoute) and it.include_in_schema and not _INTERNAL.match(it.path)
    ]


def _is_page(route: APIRoute, answers: Mapping[str, Answers | None]) -> bool:
    return all(answers.get(f"{method} {route.path}", {}) is None for method in route.methods or ())


def scope_of(route: APIRoute) -> set[str] | None:
    """The scopes that the route needs; None when it needs no token at all."""
    found = [it.call for it in route.dependant.dependencies if isinstance(it.call, Requires)]
    if not found:
        return None
    return {it.scope for it in found if it.scope is not None}


def _responses(
    declared: Answers, secured: bool, components: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    answers = {status: what for status, what in declared.items() if status != "request"}
    if secured:
        answers.setdefault(401, ERROR)
        answers.setdefault(403, ERROR)
    answers.setdefault("default", ERROR)
    return {
        str(status): _response(status, what, components)
        for status, what in sorted(answers.items(), key=lambda it: str(it[0]))
    }


_MEANINGS = {
    200: "Done",
    201: "Created",
    202: "Accepted",
    204: "Done; nothing to say",
    302: "To the next page",
    303: "To the next page",
    401: "No valid access token",
    403: "The token may not do this",
    "default": "Any error: its status, a message for people and a stable reason",
}


def _form(form: Form) -> dict[str, Any]:
    schema = record(None, dict.fromkeys(form.needed, TEXT), dict.fromkeys(form.maybe, TEXT))
    return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}


def _response(status: int | str, what: object, components: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"description": _MEANINGS.get(status, f"Status {status}")}
    contents = what.contents if isinstance(what, Either) else (what,)
    for content in contents:
        if content is not None:
            made.setdefault("content", {}).update(_content(content, components))
    return made


def _content(what: object, components: dict[str, Any]) -> dict[str, Any]:
    """A media type and its schema."""
    if isinstance(what, Content):
        return {what.media_type: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": hoisted(what, components)}}


def hoisted(shape: Any, components: dict[str, Any]) -> Any:
    """`shape` with each titled part moved into `components` and referred to."""
    if isinstance(shape, list):
        return [hoisted(it, components) for it in shape]
    if not isinstance(shape, dict):
        return shape
    title = shape.get("title") if "type" in shape else None
    if not isinstance(title, str):
        return {key: hoisted(value, components) for key, value in shape.items()}
    if title not in components:
        components[title] = {}
        body = {key: value for key, value in shape.items() if key != "title"}
        components[title] = {"title": title, **hoisted(deepcopy(body), components)}
    return {"$ref": f"#/components/schemas/{title}"}


def _security(scopes: set[str]) -> dict[str, Any]:
    described = dict.fromkeys(sorted(scopes), "")
    return {
        "type": "oauth2",
        "flows": {
            "clientCredentials": {"tokenUrl": "/api/token", "scopes": described},
            "authorizationCode": {
                "authorizationUrl": "/authorize",
                "tokenUrl": "/api/token",
                "refreshUrl": "/api/token",
                "scopes": described,
            },
        },
    }
