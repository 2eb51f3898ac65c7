"""The URL map: which backend answers a path, by the load balancer that the graph declares.

    GlobalForwardingRule → TargetHttpsProxy → URLMap → BackendService → NEG → Cloud Run service
                                                     → BackendBucket  → bucket

Path rules as Google's: a path is matched whole, or by a folder that ends in "/*"; the longest
wins. Source: https://cloud.google.com/load-balancing/docs/url-map-concepts
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulators.graph import Graph, Resource
from emulators.runtime.edge.armor import SecurityPolicy
from emulators.runtime.edge.cdn_policy import CdnPolicy
from shared.cdn import SigningKey, key_ring

Template = tuple[str, str]

RULE = "gcp:compute/globalForwardingRule:GlobalForwardingRule"
PROXIES = (
    "gcp:compute/targetHttpsProxy:TargetHttpsProxy",
    "gcp:compute/targetHttpProxy:TargetHttpProxy",
)
URL_MAP = "gcp:compute/uRLMap:URLMap"
SERVICE = "gcp:compute/backendService:BackendService"
BUCKET = "gcp:compute/backendBucket:BackendBucket"
NEG = "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup"
SIGNING_KEY = "gcp:compute/backendBucketSignedUrlKey:BackendBucketSignedUrlKey"
POLICY = "gcp:compute/securityPolicy:SecurityPolicy"
STORAGE_BUCKET = "gcp:storage/bucket:Bucket"
_UNMODELLED = ("routeRules", "routeAction", "urlRedirect", "headerAction")


class UnsupportedUrlMap(Exception):
    """The graph uses a part of the load balancer that has no local meaning."""


@dataclass(frozen=True, slots=True)
class ServiceBackend:
    """A Cloud Run service or function behind the load balancer, by its name."""

    name: str
    service: str
    request_headers: tuple[Template, ...] = ()
    response_headers: tuple[Template, ...] = ()
    armor: SecurityPolicy | None = None


@dataclass(frozen=True, slots=True)
class BucketBackend:
    """A bucket behind the load balancer; `cdn` is None when Cloud CDN is off."""

    name: str
    bucket: str
    cdn: CdnPolicy | None
    keys: Mapping[str, SigningKey] = field(default_factory=dict)
    response_headers: tuple[Template, ...] = ()
    main_page: str | None = None
    not_found_page: str | None = None
    armor: SecurityPolicy | None = None


Backend = ServiceBackend | BucketBackend


@dataclass(frozen=True, slots=True)
class PathMatcher:
    """Backends by exact path, by folder (with its closing slash), and for all the rest."""

    exact: Mapping[str, Backend]
    folders: Mapping[str, Backend]
    default: Backend

    def match(self, path: str) -> Backend:
        """The backend for `path`, decoded and without its query."""
        found = self.exact.get(path)
        if found is not None:
            return found
        # Rules number in the tens and paths are short: walk the path's own folders, longest first.
        end = path.rfind("/")
        while end >= 0:
            found = self.folders.get(path[: end + 1])
            if found is not None:
                return found
            end = path.rfind("/", 0, end)
        return self.default


@dataclass(frozen=True, slots=True)
class UrlMap:
    """Path matchers by host; "*" is every other host."""

    hosts: Mapping[str, PathMatcher]
    default: PathMatcher

    def match(self, host: str, path: str) -> Backend:
        """The backend for `path` at `host` (its port does not count)."""
        matcher = self.hosts.get(host.partition(":")[0]) or self.hosts.get("*")
        return (matcher or self.default).match(path)

    @property
    def backends(self) -> tuple[Backend, ...]:
        """Every backend once, in no order."""
        found: dict[str, Backend] = {}
        for matcher in (self.default, *self.hosts.values()):
            for backend in (*matcher.exact.values(), *matcher.folders.values(), matcher.default):
                found[f"{type(backend).__name__}/{backend.name}"] = backend
        return tuple(found.values())


def load(graph: Graph) -> UrlMap:
    """Read the front door out of `graph`: the first forwarding rule whose URL map has backends.

    Raises:
        UnsupportedUrlMap: there is none, a reference leads nowhere, or a feature is not modelled.
    """
    backends = _backends(graph)
    for rule in graph.all(RULE):
        if _edge_of(rule):
            continue
        proxy = _find(graph, rule["target"], *PROXIES)
        url_map = _find(graph, proxy["urlMap"], URL_MAP)
        if not url_map.get("defaultUrlRedirect"):
            return _read(url_map, backends)
    raise UnsupportedUrlMap("no forwarding rule leads to a URL map with a backend")


def load_edges(graph: Graph) -> dict[str, UrlMap]:
    """The audio endpoints besides the front door: forwarding rules labelled `edge`, by its value.

    Raises:
        UnsupportedUrlMap: as `load`.
    """
    backends = _backends(graph)
    found: dict[str, UrlMap] = {}
    for rule in graph.all(RULE):
        if name := _edge_of(rule):
            proxy = _find(graph, rule["target"], *PROXIES)
            found[name] = _read(_find(graph, proxy["urlMap"], URL_MAP), backends)
    return found


def _edge_of(rule: Resource) -> str:
    return str((rule.get("labels") or {}).get("edge") or "")


def _read(url_map: Resource, backends: Mapping[str, Backend]) -> UrlMap:
    default = PathMatcher({}, {}, _backend(backends, url_map["defaultService"]))
    matchers = {one["name"]: _matcher(one, backends) for one in url_map.get("pathMatchers") or ()}
    hosts = {
        host: matchers[rule["pathMatcher"]]
        for rule in url_map.get("hostRules") or ()
        for host in rule["hosts"]
    }
    return UrlMap(hosts, default)


def _matcher(raw: Mapping[str, Any], backends: Mapping[str, Backend]) -> PathMatcher:
    exact: dict[str, Backend] = {}
    folders: dict[str, Backend] = {}
    for rule in (raw, *(raw.get("pathRules") or ())):
        odd = [key for key in _UNMODELLED if rule.get(key)]
        if odd:
            raise UnsupportedUrlMap(f"path matcher {raw['name']}: {odd[0]} has no local meaning")
    for rule in raw.get("pathRules") or ():
        backend = _backend(backends, rule["service"])
        for path in rule["paths"]:
            star = path.endswith("/*")
            if not path.startswith("/") or "*" in path[: -1 if star else None]:
                raise UnsupportedUrlMap(f"not a path rule: {path!r}")
            (folders if star else exact)[path.removesuffix("*")] = backend
    return PathMatcher(exact, folders, _backend(backends, raw["defaultService"]))


def _backends(graph: Graph) -> dict[str, Backend]:
    """Every backend by each name that a URL map may call it."""
    found: dict[str, Backend] = {}
    for resource in graph.all(SERVICE):
        for reference in _references(resource, "backendServices"):
            found[reference] = _service_backend(graph, resource)
    for resource in graph.all(BUCKET):
        for reference in _references(resource, "backendBuckets"):
            found[reference] = _bucket_backend(graph, resource)
    return found


def _service_backend(graph: Graph, resource: Resource) -> ServiceBackend:
    groups = [_find(graph, one["group"], NEG) for one in resource.get("backends") or ()]
    services = {str((group.get("cloudRun") or {}).get("service") or "") for group in groups}
    if len(services) != 1 or "" in services:
        raise UnsupportedUrlMap(f"{resource.urn}: needs groups of exactly one Cloud Run service")
    return ServiceBackend(
        resource["name"],
        services.pop(),
        _templates(resource.get("customRequestHeaders")),
        _templates(resource.get("customResponseHeaders")),
        _armor(graph, resource.get("securityPolicy")),
    )


def _bucket_backend(graph: Graph, resource: Resource) -> BucketBackend:
    bucket = resource["bucketName"]
    keys = [
        SigningKey.parse(key["name"], key["keyValue"])
        for key in graph.all(SIGNING_KEY)
        if key["backendBucket"] in _references(resource, "backendBuckets")
    ]
    stored = graph.find(STORAGE_BUCKET, "name", bucket)
    website = (stored.get("website") if stored else None) or {}
    enabled = bool(resource.get("enableCdn"))
    return BucketBackend(
        resource["name"],
        bucket,
        CdnPolicy.read(resource.get("cdnPolicy") or {}) if enabled else None,
        key_ring(*keys) if enabled else {},
        _templates(resource.get("customResponseHeaders")),
        website.get("mainPageSuffix"),
        website.get("notFoundPage"),
        _armor(graph, resource.get("edgeSecurityPolicy")),
    )


def _backend(backends: Mapping[str, Backend], reference: str) -> Backend:
    found = backends.get(reference) or backends.get(_tail(reference))
    if found is None:
        raise UnsupportedUrlMap(f"no backend is called {reference}")
    return found


def _armor(graph: Graph, reference: str | None) -> SecurityPolicy | None:
    return SecurityPolicy.read(_find(graph, reference, POLICY)) if reference else None


def _templates(lines: Any) -> tuple[Template, ...]:
    pairs = (line.partition(":") for line in lines or ())
    return tuple((name.strip(), value.strip()) for name, _, value in pairs)


def _find(graph: Graph, reference: str, *types: str) -> Resource:
    for type in types:
        for resource in graph.all(type):
            names = {resource.get("id"), resource.get("selfLink"), resource.get("name")}
            if reference in names:
                return resource
    raise UnsupportedUrlMap(f"nothing is called {reference} ({', '.join(types)})")


def _references(resource: Resource, kind: str) -> set[str]:
    names = {resource.get("id"), resource.get("selfLink"), resource["name"]}
    return {name for name in names if name} | {f"{kind}/{resource['name']}"}


def _tail(reference: str) -> str:
    return "/".join(reference.rsplit("/", 2)[-2:])
