"""A person's page over an API that the test makes up: every answer is at hand, none is late."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from playwright.sync_api import Page, Route, WebSocketRoute

ME = "ada"
LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverleihung"
HOSTILE = "<img src=x onerror=alert(1)>"
RTL = "ليلة (Live) في القاهرة"
EMOJI = "👩‍👩‍👧‍👦🎻" * 12
NAMES = (LONG, HOSTILE, RTL, EMOJI)


def id_of(number: int) -> str:
    return f"{number:022d}"


def artist(number: int) -> dict[str, Any]:
    name = NAMES[number % len(NAMES)]
    return {"id": id_of(100 + number), "type": "artist", "name": name, "images": [], "genres": []}


def album(number: int) -> dict[str, Any]:
    return {
        "id": id_of(200 + number),
        "name": NAMES[(number + 1) % len(NAMES)],
        "album_type": "album",
        "artists": [artist(number)],
        "images": [],
        "release_date": "2020-05-01",
        "copyrights": [{"text": HOSTILE, "type": "C"}],
    }


def track(number: int) -> dict[str, Any]:
    id = id_of(number)
    return {
        "id": id,
        "type": "track",
        "uri": f"spotify:track:{id}",
        "name": NAMES[number % len(NAMES)],
        "artists": [artist(number)],
        "album": album(number),
        "duration_ms": 180_000,
        "explicit": number % 2 == 0,
        "is_playable": True,
        "track_number": number + 1,
    }


def user(id: str = "ben", name: str = RTL) -> dict[str, Any]:
    return {"id": id, "type": "user", "display_name": name, "images": []}


def listed(items: list[Any], total: int | None = None) -> dict[str, Any]:
    page = {"items": items, "total": len(items) if total is None else total, "next": None}
    return page | {"limit": 50, "offset": 0, "previous": None}


def explained(tracks: list[dict[str, Any]]) -> dict[str, Any]:
    reason = f"Because you listened to {HOSTILE}"
    return {
        "tracks": tracks,
        "explanations": [{"track_id": it["id"], "reason": reason} for it in tracks],
    }


Answer = Any | Callable[[dict[str, list[str]]], Any]


@dataclass
class Person:
    """Answers `/v1/…` by method and path, and holds the other end of `/live`."""

    page: Page
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    sockets: list[WebSocketRoute] = field(default_factory=list)

    def sign_in(self, host: str) -> None:
        session = {"access": "t", "refresh": None, "until": 9_999_999_999_999}
        kept = f"sessionStorage.setItem('segue.session', {json.dumps(json.dumps(session))})"
        self.page.add_init_script(kept)
        self.page.route(re.compile(rf"{re.escape(host)}/v1/"), self._answer)
        self.page.route_web_socket(re.compile("/live$"), self._connect)
        self.page.goto(host)

    def _answer(self, route: Route) -> None:
        request = route.request
        url = urlparse(request.url)
        path = f"{request.method} {unquote(url.path)}"
        # What is asked with both `ids` and one of them may be answered by either.
        self.asked.append((f"{path}?{url.query}" if url.query else path, request.post_data_json))
        found = self.answers.get(path)
        if callable(found):
            found = found(parse_qs(url.query))
        if found is None:
            error = {"status": 404, "message": "none", "reason": "NOT_FOUND"}
            if request.method == "GET":
                return route.fulfill(status=404, json={"error": error})
            return route.fulfill(status=204)
        if isinstance(found, int):
            return route.fulfill(status=found, json={"error": {"status": found, "reason": "BAD"}})
        return route.fulfill(json=found)

    def _connect(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)

        def hear(message: str | bytes) -> None:
            frame = json.loads(message)
            if frame["op"] == "auth":
                socket.send(json.dumps({"op": "ready"}))
            elif frame["op"] == "sub":
                told = {"epoch": "e", "tail": 0, "recovered": False, "pubs": []}
                snapshot = {"player": None, "items": []}
                socket.send(
                    json.dumps({"op": "sub", "ch": frame["ch"], **told, "snapshot": snapshot})
                )
            elif frame["op"] == "ping":
                socket.send(json.dumps({"op": "pong", "t": frame["t"], "s": frame["t"]}))

        socket.on_message(hear)

    def say(self, channel: str, payload: Any) -> None:
        """Say something on a channel of the page's."""
        self.sockets[-1].send(json.dumps({"op": "say", "ch": channel, "payload": payload}))

    def calls(self, start: str) -> list[Any]:
        """What was asked by a method and path that begin so."""
        return [it for it in self.asked if it[0].startswith(start)]
