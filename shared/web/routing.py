"""Finding a request's route by the first two segments of its path, instead of one after another.

An API has dozens of routes; to try each one's pattern costs more than to answer from memory.
`/v1/tracks/{id}` is tried only for paths that begin with `/v1/tracks`.
"""

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

_CHOSEN = "segue.route"


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

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        partial: tuple[Match, Scope] = (Match.NONE, {})
        if scope["type"] != "http":
            return partial
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


def _key(path: str) -> tuple[str, ...]:
    return tuple(path.split("/", 3)[1:3])


def _fixed_key(route: BaseRoute) -> tuple[str, ...] | None:
    path = getattr(route, "path", None)
    if path is None or "{" in "".join(_key(path)):
        return None
    return _key(path)
