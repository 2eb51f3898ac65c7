"""Finding a request's route at once, or by the first two segments of its path, instead of one
after another.

An API has dozens of routes; to try each one's pattern costs more than to answer from memory.
`/v1/tracks` is looked up as it stands; `/v1/tracks/{id}` is tried only for paths that begin with
`/v1/tracks`.
"""

from collections.abc import Sequence
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from shared.web.straight import Straight, straight

_CHOSEN, _FOUND = "segue.route", "segue.found"


class Index(BaseRoute):
    """All `routes` as one; of several that match, the first is chosen, as Starlette does.

    Routes without a `path`, or with a parameter in the first two segments, are tried for all.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self.routes = list(routes)
        keys = {_key(path) for it in routes if (path := getattr(it, "path", None)) is not None}
        fixed = {key for key in keys if "{" not in "".join(key)}
        self._by_key = {
            key: [it for it in routes if _fixed_key(it) in (key, None)] for key in fixed
        }
        self._rest = [it for it in routes if _fixed_key(it) is None]
        self._at_once = _at_once(self.routes)
        self._straight: dict[int, Straight] = {}
        for it in routes:
            if isinstance(it, APIRoute) and (short := straight(it)) is not None:
                self._straight[id(it)] = short

    def short(self, scope: Scope) -> Straight | None:
        """What answers `scope` straight, with what it reads put into `scope`; None if none does.

        Whatever is found stays in `scope`, for the router that is asked next if nothing does.
        """
        match, found = scope[_FOUND] = self._find(scope)
        if match is not Match.FULL:
            return None
        short = self._straight.get(id(found[_CHOSEN]))
        if short is not None:
            scope.update(found)
        return short

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return scope.get(_FOUND) or self._find(scope)

    def _find(self, scope: Scope) -> tuple[Match, Scope]:
        partial: tuple[Match, Scope] = (Match.NONE, {})
        if scope["type"] != "http":
            return partial
        known = self._at_once.get((scope["method"], scope["path"]))
        if known is not None:
            found = {"endpoint": known.endpoint, "path_params": {}, "route": known}
            return Match.FULL, {**found, _CHOSEN: known}
        for route in self._by_key.get(_key(scope["path"]), self._rest):
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, _CHOSEN: route}
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = match, {**child, _CHOSEN: route}
        return partial

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        raise NotImplementedError("addresses are written out")

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope[_CHOSEN].handle(scope, receive, send)


def _at_once(routes: Sequence[BaseRoute]) -> dict[tuple[str, str], Route]:
    """Those whose path holds no parameter, by method and path; not what an earlier one takes."""
    found: dict[tuple[str, str], Route] = {}
    earlier: list[Route] = []
    for route in routes:
        if not isinstance(route, Route):
            return found
        if "{" not in route.path and not any(it.path_regex.match(route.path) for it in earlier):
            for method in route.methods or ():
                found.setdefault((method, route.path), route)
        elif "{" in route.path:
            earlier.append(route)
    return found


def _key(path: str) -> tuple[str, ...]:
    return tuple(path.split("/", 3)[1:3])


def _fixed_key(route: BaseRoute) -> tuple[str, ...] | None:
    path = getattr(route, "path", None)
    if path is None or "{" in "".join(_key(path)):
        return None
    return _key(path)
