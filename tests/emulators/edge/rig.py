"""A small cloud for the edge's tests: an origin, an instance, a graph by hand, all on one loop."""

import asyncio
import hashlib
import json
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from emulators.endpoints import CallerPorts, Endpoints
from emulators.graph import Graph, Resource
from emulators.iam import Policy
from emulators.oidc import Issuer
from emulators.runtime.edge.app import Edge, Limits, build, session
from emulators.runtime.edge.server import listen, server
from shared.cdn import SigningKey

PROJECT_NUMBER = "123456789012"
FILL_AGENT = f"serviceAccount:service-{PROJECT_NUMBER}@cloud-cdn-fill.iam.gserviceaccount.com"
NEG_ID = "projects/test-project/regions/europe-west1/networkEndpointGroups/catalog"
KEY = SigningKey("key-1", b"0123456789abcdef")
OTHER_KEY = SigningKey("key-2", b"fedcba9876543210")
INVOKER = "caller@test-project.iam.gserviceaccount.com"
AUDIO_POLICY = {
    "cacheMode": "CACHE_ALL_STATIC",
    "defaultTtl": 3600,
    "maxTtl": 86400,
    "clientTtl": 600,
    "signedUrlCacheMaxAgeSec": 7200,
    "negativeCaching": True,
    "negativeCachingPolicies": [{"code": 404, "ttl": 10}],
    "requestCoalescing": True,
    "serveWhileStale": 60,
}


@dataclass
class StoredObject:
    body: bytes
    content_type: str = "audio/mp4"
    cache_control: str | None = "public, max-age=31536000, immutable"
    generation: int = 1

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body).hexdigest()}-{self.generation}"'


@dataclass
class FakeStorage:
    """Just enough of Cloud Storage's XML API. `public` buckets are open to the anonymous port."""

    objects: dict[str, StoredObject] = field(default_factory=dict)
    public: set[str] = field(default_factory=set)
    anonymous_port: int = 0
    delay_s: float = 0.0
    fetches: list[dict[str, str]] = field(default_factory=list)
    failing: int = 0

    def put(self, path: str, body: bytes, **kwargs: Any) -> StoredObject:
        known = self.objects.get(path)
        made = StoredObject(body, **kwargs)
        made.generation = known.generation + 1 if known else 1
        self.objects[path] = made
        return made

    async def __call__(self, scope, receive, send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.fetches.append({"path": scope["path"], **headers})
        await asyncio.sleep(self.delay_s)
        status, extra, body = self._answer(scope, headers)
        extra = [*extra, ("content-length", str(len(body)))]
        raw = [(name.encode(), value.encode()) for name, value in extra]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, scope, asked) -> tuple[int, list[tuple[str, str]], bytes]:
        if self.failing:
            return self.failing, [], b"broken"
        path = scope["path"]
        bucket = path.split("/")[1]
        xml = [("content-type", "application/xml")]
        if scope["server"][1] == self.anonymous_port and bucket not in self.public:
            return 403, xml, b"<Error><Code>AccessDenied</Code></Error>"
        found = self.objects.get(path)
        if found is None:
            return 404, xml, b"<Error><Code>NoSuchKey</Code></Error>"
        headers = [
            ("etag", found.etag),
            ("x-goog-generation", str(found.generation)),
            ("content-type", found.content_type),
            ("last-modified", "Wed, 18 Nov 2026 10:00:00 GMT"),
        ]
        if found.cache_control:
            headers.append(("cache-control", found.cache_control))
        if asked.get("if-none-match") == found.etag:
            return 304, headers, b""
        if asked.get("if-match") not in (None, found.etag):
            return 412, xml, b""
        if "range" not in asked:
            return 200, headers, found.body
        first, last = asked["range"].removeprefix("bytes=").split("-")
        size = len(found.body)
        if int(first) >= size:
            return 416, [("content-range", f"bytes */{size}")], b""
        part = found.body[int(first) : int(last) + 1]
        told = f"bytes {first}-{int(first) + len(part) - 1}/{size}"
        return 206, [*headers, ("content-range", told)], part


@dataclass
class FakeInstance:
    """A service that tells what it was asked, and does what tests need done."""

    running: int = 0
    most: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)
    gone: int = 0
    cut: int = 0
    whole: int = 0

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "websocket":
            return await self._websocket(scope, receive, send)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            return await self._http(scope, receive, send)
        finally:
            self.running -= 1

    async def _http(self, scope, receive, send) -> None:
        path = scope["path"]
        if path.endswith("/wait"):
            await self.release.wait()
        if path.endswith("/stream"):
            await self._stream(receive, send)
        elif path.endswith("/forever"):
            await self._forever(receive, send)
        else:
            await self._tell(scope, receive, send)

    async def _tell(self, scope, receive, send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            self.cut += message["type"] == "http.disconnect"
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.whole += not self.cut
        told = {
            "method": scope["method"],
            "path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
            "body_bytes": len(body),
            "body_sha256": hashlib.sha256(body).hexdigest(),
            "port": scope["server"][1],
        }
        data = json.dumps(told).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(data)).encode()),
            (b"set-cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
            (b"connection", b"x-secret"),
            (b"x-secret", b"hop"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    async def _stream(self, receive, send) -> None:
        """Echo each part of the body as it comes."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            part = message.get("body", b"")
            await send({"type": "http.response.body", "body": part, "more_body": more})

    async def _forever(self, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"tick", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone += 1

    async def _websocket(self, scope, receive, send) -> None:
        await receive()
        if scope["path"].endswith("/refused"):
            return await send({"type": "websocket.close", "code": 1008})
        chosen = next(iter(scope["subprotocols"]), None)
        await send({"type": "websocket.accept", "subprotocol": chosen})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                self.gone = message.get("code") or 1
                return None
            if message.get("text") == "close":
                return await send({"type": "websocket.close", "code": 4001, "reason": "asked"})
            if message.get("text") == "headers":
                told = {name.decode(): value.decode() for name, value in scope["headers"]}
                await send({"type": "websocket.send", "text": json.dumps(told)})
            elif message.get("text") is not None:
                await send({"type": "websocket.send", "text": message["text"]})
            else:
                await send({"type": "websocket.send", "bytes": message["bytes"]})


def resource(type: str, name: str, /, **properties: Any) -> Resource:
    return Resource(f"urn:pulumi:test::segue::{type}::{name}", type, name, properties)


def compute_id(kind: str, name: str) -> str:
    return f"projects/test-project/global/{kind}/{name}"


def graph(
    *,
    audio_policy: dict[str, Any] | None = None,
    requests_per_minute: int | None = None,
    catalog: dict[str, Any] | None = None,
    extra: tuple[Resource, ...] = (),
) -> Graph:
    """A front door over one public service, one private function, and three buckets."""
    backend_id = compute_id("backendServices", "segue-catalog")
    audio, images, web = (
        compute_id("backendBuckets", f"segue-{name}") for name in ("audio", "images", "web")
    )
    status = ["X-Cache-Status: {cdn_cache_status}", "X-Content-Type-Options: nosniff"]
    resources = [
        resource(
            "gcp:cloudrunv2/service:Service",
            "catalog",
            name="catalog",
            uri=f"https://catalog-{PROJECT_NUMBER}.europe-west1.run.app",
            customAudiences=["segue-catalog"],
            ingress="INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
            **(catalog or {"template": {"maxInstanceRequestConcurrency": 80, "timeout": "5s"}}),
        ),
        resource(
            "gcp:cloudfunctionsv2/function:Function",
            "transcode",
            name="transcode",
            url=f"https://transcode-{PROJECT_NUMBER}.europe-west1.run.app",
            serviceConfig={
                "maxInstanceRequestConcurrency": 1.0,
                "timeoutSeconds": 60.0,
                "ingressSettings": "ALLOW_INTERNAL_ONLY",
            },
        ),
        resource(
            "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
            "push",
            name="catalog",
            role="roles/run.invoker",
            member=f"serviceAccount:{INVOKER}",
        ),
        resource(
            "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup",
            "catalog",
            id=NEG_ID,
            name="catalog",
            cloudRun={"service": "catalog"},
        ),
        resource(
            "gcp:compute/backendService:BackendService",
            "catalog",
            id=backend_id,
            name="segue-catalog",
            backends=[{"group": NEG_ID}],
            customRequestHeaders=["X-Client-Geo-Region:{client_region}"],
            **({"securityPolicy": compute_id("p", "armor")} if requests_per_minute else {}),
        ),
        *(
            resource(
                "gcp:compute/backendBucket:BackendBucket",
                name,
                id=compute_id("backendBuckets", f"segue-{name}"),
                name=f"segue-{name}",
                bucketName=f"test-project-{name}",
                enableCdn=True,
                cdnPolicy=audio_policy or AUDIO_POLICY if name == "audio" else AUDIO_POLICY,
                customResponseHeaders=status,
            )
            for name in ("audio", "images", "web")
        ),
        *(
            resource(
                "gcp:compute/backendBucketSignedUrlKey:BackendBucketSignedUrlKey",
                name,
                name=name,
                keyValue=value,
                backendBucket="segue-audio",
            )
            for name, value in (
                ("key-1", "MDEyMzQ1Njc4OWFiY2RlZg=="),
                ("key-2", "ZmVkY2JhOTg3NjU0MzIxMA=="),
            )
        ),
        resource(
            "gcp:storage/bucket:Bucket",
            "web",
            name="test-project-web",
            website={"mainPageSuffix": "index.html", "notFoundPage": "404.html"},
        ),
        resource(
            "gcp:compute/uRLMap:URLMap",
            "front-door",
            id=compute_id("urlMaps", "segue"),
            name="segue",
            defaultService=web,
            hostRules=[{"hosts": ["*"], "pathMatcher": "all"}],
            pathMatchers=[
                {
                    "name": "all",
                    "defaultService": web,
                    "pathRules": [
                        {"paths": ["/v1/uploads", "/v1/uploads/*"], "service": backend_id},
                        {"paths": ["/audio/*"], "service": audio},
                        {"paths": ["/images/*"], "service": images},
                    ],
                }
            ],
        ),
        resource(
            "gcp:compute/targetHttpsProxy:TargetHttpsProxy",
            "https",
            id=compute_id("targetHttpsProxies", "segue"),
            name="segue",
            urlMap=compute_id("urlMaps", "segue"),
        ),
        resource(
            "gcp:compute/globalForwardingRule:GlobalForwardingRule",
            "https",
            name="segue-https",
            target=compute_id("targetHttpsProxies", "segue"),
        ),
        *extra,
    ]
    if requests_per_minute:
        everyone = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}
        limit = {
            "conformAction": "allow",
            "exceedAction": "deny(429)",
            "enforceOnKey": "IP",
            "rateLimitThreshold": {"count": float(requests_per_minute), "intervalSec": 60.0},
        }
        rules = [
            {"action": "allow", "priority": 2147483647.0, "match": everyone},
            {
                "action": "throttle",
                "priority": 1000.0,
                "match": everyone,
                "rateLimitOptions": limit,
            },
        ]
        resources.append(
            resource(
                "gcp:compute/securityPolicy:SecurityPolicy",
                "armor",
                id=compute_id("p", "armor"),
                name="armor",
                rules=rules,
            )
        )
    return Graph("test", "test-project", PROJECT_NUMBER, "europe-west1", tuple(resources))


@dataclass
class Rig:
    """What a test may touch. `client` adds no header of its own that matters."""

    url: str
    gates: dict[str, str]
    health_url: str
    storage: FakeStorage
    instance: FakeInstance
    issuer: Issuer
    routing: Path
    ports: dict[str, int]
    client: aiohttp.ClientSession

    def route(self, *instances: tuple[str, int, float], service: str = "catalog") -> None:
        """Write routing.json: (revision, port, percent) each."""
        known = json.loads(self.routing.read_text()) if self.routing.exists() else {}
        known[service] = [
            {"revision": revision, "port": port, "percent": percent, "tag": None}
            for revision, port, percent in instances
        ]
        part = self.routing.with_suffix(".part")
        part.write_text(json.dumps(known))
        part.replace(self.routing)

    async def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        return await self.request("GET", path, **headers)

    async def request(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        asked = {name.replace("_", "-"): value for name, value in headers.items()}
        url = URL(path if path.startswith("http") else self.url + path, encoded=True)
        async with self.client.request(
            method, url, headers=asked, data=body, allow_redirects=False
        ) as response:
            told = {name.lower(): value for name, value in response.headers.items()}
            return response.status, told, await response.read()

    async def stats(self, backend: str = "segue-audio") -> dict[str, int]:
        _, _, body = await self.get(self.health_url + "/_stats")
        return json.loads(body)["backend_buckets"][backend]


@cache
def issuer_once() -> Issuer:
    """One key for all tests: making it is most of a small cloud's start."""
    with tempfile.TemporaryDirectory() as folder:
        return Issuer.load(Path(folder))


NAMES = ("front", "health", "catalog", "transcode", "fill", "anonymous", "one", "two", "closed")


@asynccontextmanager
async def running(tmp_path: Path, made: Graph, limits: Limits | None = None):
    """Start everything on free ports, and stop it."""
    sockets = {name: listen(0) for name in NAMES}
    ports = {name: one.getsockname()[1] for name, one in sockets.items()}
    sockets.pop("closed").close()
    storage = FakeStorage(
        public={"test-project-images", "test-project-web"}, anonymous_port=ports["anonymous"]
    )
    instance = FakeInstance()
    issuer = issuer_once()
    endpoints = Endpoints(
        f"http://127.0.0.1:{ports['front']}",
        "http://127.0.0.1:1",
        ports["anonymous"],
        1,
        1,
        1,
        1,
        {FILL_AGENT: CallerPorts(ports["fill"], 1, 1, 1)},
        {"catalog": ports["catalog"], "transcode": ports["transcode"]},
        {"edge": ports["health"]},
    )
    upstream = session()
    routing = tmp_path / "routing.json"
    policy = Policy.from_graph(made)
    limits = limits or Limits(wait_s=1.0, front_door_iam=False)
    edge = build(made, endpoints, policy, issuer, routing, upstream, limits)
    everything = Edge(
        {
            **edge.ports,
            ports["fill"]: storage,
            ports["anonymous"]: storage,
            ports["one"]: instance,
            ports["two"]: instance,
        }
    )
    web = server(everything)
    task = asyncio.ensure_future(web.serve(list(sockets.values())))
    while not web.started:  # noqa: ASYNC110  (uvicorn tells it by this flag alone)
        await asyncio.sleep(0.005)
    client = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
    base = "http://127.0.0.1:"
    rig = Rig(
        base + str(ports["front"]),
        {name: base + str(ports[name]) for name in ("catalog", "transcode")},
        base + str(ports["health"]),
        storage,
        instance,
        issuer,
        routing,
        ports,
        client,
    )
    rig.route(("catalog-00001", ports["one"], 100))
    try:
        yield rig
    finally:
        instance.release.set()
        await client.close()
        await upstream.close()
        web.should_exit = True
        await task
