"""A small real host for the clients: the API, a resumable storage server that cuts lines, an edge.

It keeps the HTTP contract and nothing else, and it can be told to misbehave.
"""

import asyncio
import base64
import hashlib
import json
import re
import secrets
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from shared.cdn import SigningKey, key_ring, sign_prefix, verify
from shared.errors import Forbidden
from tests.clients import media

KEY = SigningKey("test-key", b"0123456789abcdef")
TYPES = {".mpd": "application/dash+xml", ".m3u8": "application/vnd.apple.mpegurl"}
TYPES |= {".mp4": "audio/mp4", ".mp3": "audio/mpeg", ".json": "application/json"}


def _id(text: str) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    return "".join(digits[number // 62**n % 62] for n in range(22))


@dataclass
class Trouble:
    """What goes wrong, and how often."""

    token_refusals: int = 0
    rate_limits: int = 0
    api_errors: int = 0
    cut_uploads: int = 0
    """PUTs of which the first half is kept and the connection then dropped."""
    lose_sessions: int = 0
    edge_errors: int = 0
    no_cdn: bool = False
    short_ranges: bool = False
    deny: str | None = None
    grant_s: float = 3600.0
    told_s: float | None = None
    """How long grants say that they hold, where that is not how long they do."""
    dead_edge: str | None = None
    """An address that grants name first, and where nobody listens."""


@dataclass
class Upload:
    id: str
    track_id: str
    filename: str
    size: int
    sha256: str | None
    status: str = "awaiting_master"
    data: bytearray = field(default_factory=bytearray)
    reason: str | None = None
    polls: int = 0


class FakeSegue:
    """`audio` holds one track's renditions (see `media.make`); every ready track sounds so."""

    def __init__(self, audio: Path, web: Path | None = None, seconds: int = media.SECONDS) -> None:
        self.audio, self.web, self.duration_ms = audio, web, seconds * 1000
        self.trouble = Trouble()
        self.tracks: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, Upload] = {}
        self.licences: list[list[str]] = []
        self.imports: dict[str, dict[int, bytes]] = {}
        self.max_lines = 3
        self.events: dict[str, dict[str, Any]] = {}
        self.event_posts = 0
        self.told: list[dict[str, Any]] = []
        self.plays = 0
        self.tokens: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.cached: set[str] = set()
        self.host = ""
        self.app = Starlette(
            routes=[
                Route("/api/token", self.token, methods=["POST"]),
                Route("/v1/clients", self.make_client, methods=["POST"]),
                Route("/v1/uploads", self.make_upload, methods=["POST"]),
                Route("/v1/uploads", self.list_uploads),
                Route("/v1/uploads/{id}", self.get_upload),
                Route("/v1/tracks", self.list_tracks),
                Route("/v1/tracks/{id}", self.get_track),
                Route("/v1/rights/licences", self.license, methods=["POST"]),
                Route("/v1/plays", self.play, methods=["POST"]),
                Route("/v1/plays/telemetry", self.measured, methods=["POST"]),
                Route("/v1/events", self.collect, methods=["POST"]),
                Route("/v1/catalog/imports", self.make_import, methods=["POST"]),
                Route("/v1/catalog/imports/{id}", self.get_import),
                Route("/v1/catalog/imports/{id}/errors", self.import_errors),
                Route("/v1/catalog/imports/{id}/chunks/{n:int}", self.put_chunk, methods=["PUT"]),
                Route("/v1/catalog/messages", self.put_message, methods=["POST"]),
                Route("/session/{id}", self.put, methods=["PUT"]),
                Route("/audio/{path:path}", self.edge),
                Route("/{path:path}", self.page),
            ]
        )

    def add_track(self, name: str, artist: str = "Nobody", album: str = "Nothing") -> str:
        track_id = _id(name + artist)
        self.tracks[track_id] = {
            "id": track_id,
            "type": "track",
            "uri": f"spotify:track:{track_id}",
            "href": f"{self.host}/v1/tracks/{track_id}",
            "name": name,
            "artists": [{"name": artist, "type": "artist"}],
            "album": {"name": album, "images": []},
            "duration_ms": self.duration_ms,
            "explicit": False,
            "external_ids": {"isrc": None},
            "is_playable": True,
            "preview_url": None,
        }
        return track_id

    async def make_import(self, request: Request) -> Response:
        if refusal := self._gate(request):
            return refusal
        id = _id(f"import {len(self.imports)}")
        self.imports[id] = {}
        return JSONResponse({"import_id": id, "max_lines": self.max_lines}, 201)

    async def get_import(self, request: Request) -> Response:
        """Lines that are no JSON are refused, all others are made."""
        if (refusal := self._gate(request)) or request.path_params["id"] not in self.imports:
            return refusal or self._refuse(404, "IMPORT_NOT_FOUND", "no such import")
        chunks = self.imports[request.path_params["id"]]
        answers = [self._of_chunk(body) for body in chunks.values()]
        made = sum(it["made"] for it in answers)
        refused = sum(len(it["refused"]) for it in answers)
        first = next(it for it in range(len(chunks) + 1) if it not in chunks)
        total = {"lines": made + refused, "made": made, "refused": refused}
        return JSONResponse({"next_chunk": first, "changed": 0, "unchanged": 0, **total})

    async def import_errors(self, request: Request) -> Response:
        chunks = self.imports[request.path_params["id"]]
        lines = [
            json.dumps({"chunk": number, **it})
            for number, body in sorted(chunks.items())
            for it in self._of_chunk(body)["refused"]
        ]
        return Response("\n".join(lines), media_type="application/x-ndjson")

    async def put_chunk(self, request: Request) -> Response:
        if refusal := self._gate(request):
            return refusal
        chunks, body = self.imports[request.path_params["id"]], await request.body()
        if body.count(b"\n") > self.max_lines:
            return self._refuse(413, "TOO_MANY_LINES", "too many lines")
        chunks[request.path_params["n"]] = body
        return JSONResponse(self._of_chunk(body))

    def _of_chunk(self, body: bytes) -> dict[str, Any]:
        lines = [(at, line) for at, line in enumerate(body.split(b"\n"), 1) if line.strip()]
        wrong = [at for at, line in lines if not line.startswith(b"{") or len(line) > 65_536]
        refused = [{"line": at, "reason": "INVALID_LINE", "message": "no JSON"} for at in wrong]
        return {"lines": len(lines), "made": len(lines) - len(wrong), "refused": refused}

    async def put_message(self, request: Request) -> Response:
        if refusal := self._gate(request):
            return refusal
        refused = [{"line": 9, "subject": "A7", "reason": "INVALID_ISRC", "message": "wrong"}]
        counts = {"made": 3, "changed": 0, "unchanged": 0}
        return JSONResponse({"message_id": "M1", **counts, "refused": refused})

    def _refuse(self, status: int, reason: str, message: str, **headers: str) -> Response:
        error = {"status": status, "message": message, "reason": reason}
        return JSONResponse({"error": error}, status, headers)

    def _gate(self, request: Request) -> Response | None:
        self.calls[f"{request.method} {request.url.path}"] += 1
        if self.trouble.rate_limits:
            self.trouble.rate_limits -= 1
            return self._refuse(429, "RATE_LIMITED", "slow down", **{"Retry-After": "0"})
        if self.trouble.api_errors:
            self.trouble.api_errors -= 1
            return self._refuse(503, "UNAVAILABLE", "try again")
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer not in self.tokens:
            return self._refuse(401, "UNAUTHENTICATED", "the token is not valid")
        return None

    async def token(self, request: Request) -> Response:
        form = await request.body()
        basic = request.headers.get("Authorization", "").removeprefix("Basic ")
        right = base64.b64encode(b"operator:secret").decode()
        if basic != right or b"client_credentials" not in form:
            body = {"error": "invalid_client", "error_description": "unknown client or secret"}
            return JSONResponse(body, 401)
        token = secrets.token_urlsafe(12)
        if self.trouble.token_refusals:
            self.trouble.token_refusals -= 1
        else:
            self.tokens.add(token)
        self.calls["token"] += 1
        body = {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "all"}
        return JSONResponse(body)

    async def make_client(self, request: Request) -> Response:
        if refused := self._gate(request):
            return refused
        name = (await request.json())["name"]
        return JSONResponse({"client_id": f"id-{name}", "client_secret": "s3cret"}, 201)

    async def make_upload(self, request: Request) -> Response:
        if refused := self._gate(request):
            return refused
        body = await request.json()
        for known in self.uploads.values():
            if body.get("sha256") and known.sha256 == body["sha256"] and known.status == "ready":
                answer = {"upload_id": known.id, "track_id": known.track_id}
                return JSONResponse(answer | {"status": "duplicate", "upload_url": None})
        key = f"{body['filename']}{len(self.uploads)}"
        upload = Upload(
            _id("u" + key), _id("t" + key), body["filename"], body["size_bytes"], body.get("sha256")
        )
        self.uploads[upload.id] = upload
        answer = {
            "upload_id": upload.id,
            "track_id": upload.track_id,
            "status": upload.status,
            "upload_url": f"{self.host}/session/{upload.id}",
            "expires_at": datetime.now(UTC).isoformat(),
        }
        return JSONResponse(answer, 201)

    def _upload(self, upload: Upload) -> dict[str, Any]:
        return {
            "upload_id": upload.id,
            "track_id": upload.track_id,
            "status": upload.status,
            "reason": upload.reason,
            "message": upload.reason and "this is not audio",
            "filename": upload.filename,
            "size_bytes": upload.size,
        }

    async def get_upload(self, request: Request) -> Response:
        if refused := self._gate(request):
            return refused
        upload = self.uploads.get(request.path_params["id"])
        if upload is None:
            return self._refuse(404, "UPLOAD_NOT_FOUND", "no such upload")
        upload.polls += 1
        if upload.status == "transcoding" and upload.polls > 1:
            if b"not audio" in upload.data:
                upload.status, upload.reason = "failed", "NOT_AUDIO"
            else:
                upload.status = "ready"
                made = self.add_track(upload.filename)
                self.tracks[upload.track_id] = self.tracks.pop(made) | {"id": upload.track_id}
        return JSONResponse(self._upload(upload))

    async def list_uploads(self, request: Request) -> Response:
        items = [self._upload(upload) for upload in reversed(self.uploads.values())]
        return self._gate(request) or self._page(request, items)

    def _page(self, request: Request, items: list[Any]) -> Response:
        limit = int(request.query_params.get("limit", 20))
        offset = int(request.query_params.get("offset", 0))
        path = f"{self.host}{request.url.path}"
        more = offset + limit < len(items)
        return JSONResponse(
            {
                "href": path,
                "limit": limit,
                "offset": offset,
                "total": len(items),
                "next": f"{path}?limit={limit}&offset={offset + limit}" if more else None,
                "previous": None,
                "items": items[offset : offset + limit],
            }
        )

    async def put(self, request: Request) -> Response:
        upload = self.uploads[request.path_params["id"]]
        if self.trouble.lose_sessions:
            self.trouble.lose_sessions -= 1
            return Response(status_code=410)
        spot = request.headers.get("Content-Range", "")
        data = await request.body()
        if match := re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", spot):
            if int(match[1]) != len(upload.data) or int(match[3]) != upload.size:
                return Response("wrong offset", 400)
            if self.trouble.cut_uploads:
                self.trouble.cut_uploads -= 1
                kept = len(data) // 2 // 262_144 * 262_144
                upload.data += data[:kept]
                request.scope["segue.cut"]()
                return Response(status_code=500)
            upload.data += data
        elif not re.fullmatch(r"bytes \*/\d+", spot):
            return Response("no Content-Range", 400)
        if len(upload.data) == upload.size:
            if upload.status == "awaiting_master":
                upload.status = "transcoding"
            return JSONResponse({"name": upload.id})
        held = {"Range": f"bytes=0-{len(upload.data) - 1}"} if upload.data else {}
        return Response(status_code=308, headers=held)

    async def list_tracks(self, request: Request) -> Response:
        return self._gate(request) or self._page(request, list(self.tracks.values()))

    async def get_track(self, request: Request) -> Response:
        track = self.tracks.get(request.path_params["id"])
        missing = self._refuse(404, "TRACK_NOT_FOUND", "no such track")
        return self._gate(request) or (JSONResponse(track) if track else missing)

    async def license(self, request: Request) -> Response:
        if refused := self._gate(request):
            return refused
        self.licences.append((await request.json())["track_ids"])
        return JSONResponse({"licence_id": _id(str(len(self.licences))), "version": 1}, 201)

    async def play(self, request: Request) -> Response:
        if refused := self._gate(request):
            return refused
        track = self.tracks.get((await request.json())["track_id"])
        if track is None:
            return self._refuse(404, "TRACK_NOT_FOUND", "no such track")
        if self.trouble.deny:
            error = {"status": 403, "message": "not licensed", "reason": "NOT_LICENSED"}
            error["decision"] = {"allow": False, "reason": self.trouble.deny}
            return JSONResponse({"error": error}, 403)
        self.plays += 1
        until = datetime.now(UTC) + timedelta(seconds=self.trouble.grant_s)
        dead = self.trouble.dead_edge
        hosts = {"dead": dead, "front": self.host} if dead else {"front": self.host}
        edges = [
            {
                "name": name,
                "url": host,
                "signature": sign_prefix(
                    f"{host}/audio/{track['id']}/", KEY, int(until.timestamp())
                ),
            }
            for name, host in hosts.items()
        ]
        prefix = f"{edges[0]['url']}/audio/{track['id']}/"
        signature = edges[0]["signature"]

        def url(path: str) -> str:
            return f"{prefix}{path}?{signature}"

        renditions = [
            {
                "codec": codec,
                "kbps": kbps,
                "url": url(f"{media.tier(kbps)}/{codec}-{kbps}.{suffix}"),
                "bandwidth_bps": kbps * 1010,
            }
            for codec, suffix, steps in (
                ("aac", "mp4", media.KBPS),
                ("mp3", "mp3", media.KBPS[1:]),
            )
            for kbps in steps
        ]
        manifests = [
            {"codec": codec, "protocol": protocol, "url": url(name)}
            for codec, protocol, name in (
                ("aac", "dash", "aac.mpd"),
                ("aac", "hls", "aac.m3u8"),
                ("mp3", "hls", "mp3.m3u8"),
            )
        ]
        sound = {"id": track["id"], "duration_ms": self.duration_ms, "gain_db": -3.0}
        grant = {
            "play_id": _id(f"p{self.plays}"),
            "track": sound | {"true_peak_dbtp": -1.0},
            "decision": {"allow": True, "reason": "LICENSED", "licence_id": _id("l")},
            "valid_until": until.isoformat(),
            "valid_for_s": self.trouble.told_s or self.trouble.grant_s,
            "signature": signature,
            "edges": edges,
            "manifests": manifests,
            "renditions": renditions,
            "waveform_url": url("base/waveform.json"),
        }
        return JSONResponse(grant, 201)

    async def measured(self, request: Request) -> Response:
        self.told += json.loads(await request.body())["edges"]
        return Response(status_code=204)

    async def collect(self, request: Request) -> Response:
        self.event_posts += 1
        if refused := self._gate(request):
            return refused
        events = json.loads(await request.body())["events"]
        self.events |= {event["event_id"]: event for event in events}
        return JSONResponse({"accepted": len(events), "rejected": []}, 202)

    async def edge(self, request: Request) -> Response:
        """The CDN: signature, ranges, a cache that only remembers what it has seen."""
        if self.trouble.edge_errors:
            self.trouble.edge_errors -= 1
            return Response(status_code=503, headers={"Retry-After": "0"})
        try:
            url = f"{self.host}{request.url.path}?{request.url.query}"
            signed = verify(url, None, key_ring(KEY), int(time.time()))
        except Forbidden:
            signed = None
        if signed is None:
            return Response("Forbidden", 403)
        _, _, path = request.path_params["path"].partition("/")
        file = (self.audio / path).resolve()
        if not file.is_relative_to(self.audio) or not file.is_file():
            return Response(status_code=404)
        body = file.read_bytes()
        status = "hit" if path in self.cached else "miss"
        self.cached.add(path)
        headers = {"Accept-Ranges": "bytes", "Content-Type": TYPES[file.suffix]}
        if not self.trouble.no_cdn:
            headers |= {"X-Cache-Status": status, "Via": "1.1 google"}
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if not match:
            return Response(body, 200, headers)
        start, end = int(match[1]), min(int(match[2] or len(body)) + 1, len(body))
        if self.trouble.short_ranges:
            end -= 1
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
        return Response(body[start:end], 206, headers)

    async def page(self, request: Request) -> Response:
        path = request.path_params["path"] or "index.html"
        file = (self.web / path).resolve() if self.web else Path("/nowhere")
        if not file.is_file() or not file.is_relative_to(self.web or file):
            return Response(status_code=404)
        return FileResponse(file, headers={"Cache-Control": "no-store"})


class Serving:
    """`fake` on a free loopback port, in a thread, until closed."""

    def __init__(self, fake: FakeSegue) -> None:
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        fake.host = f"http://127.0.0.1:{sock.getsockname()[1]}"

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                transport = getattr(getattr(send, "__self__", None), "transport", None)
                scope["segue.cut"] = transport.abort if transport else lambda: None
            await fake.app(scope, receive, send)

        config = uvicorn.Config(app, log_level="error", lifespan="off", http="h11", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, args=(sock,), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def _run(self, sock: socket.socket) -> None:
        asyncio.run(self._server.serve([sock]))

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
