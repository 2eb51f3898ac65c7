"""The edge's own port: `GET /_health` and `GET /_stats`."""

import json

from emulators.runtime.edge.asgi import Receive, Scope, Send, answer, refuse
from emulators.runtime.edge.stats import Stats


class Health:
    """Answers 200 as soon as the edge listens."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = {"/_health": {"status": "ok"}, "/_stats": self._stats.as_dict()}.get(scope["path"])
        if body is None or scope["type"] != "http":
            return await refuse(scope, send, 404, "NOT_FOUND", "/_health or /_stats")
        return await answer(scope, send, 200, json.dumps(body).encode(), b"application/json", [])
