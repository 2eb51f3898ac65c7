"""The load balancer and the CDN: rules that Google's API enforces only at `pulumi up`."""

from collections import Counter
from collections.abc import Iterator

from emulators.graph import Graph
from emulators.iam import agents
from emulators.workloads import SERVICE

_NEG = "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup"
_BACKEND = "gcp:compute/backendService:BackendService"
_BUCKET = "gcp:compute/backendBucket:BackendBucket"
_KEY = "gcp:compute/backendBucketSignedUrlKey:BackendBucketSignedUrlKey"


def violations(graph: Graph) -> list[str]:
    """What would be refused or would not be reached, each line naming the resource."""
    return sorted({*_backends(graph), *_url_maps(graph), *_cdn(graph)})


def _backends(graph: Graph) -> Iterator[str]:
    """A serverless group takes no balancing mode, utilization, timeout, port or health check.

    Source: https://cloud.google.com/load-balancing/docs/negs/serverless-neg-concepts#limitations
    """
    groups = {it["id"]: it for it in graph.all(_NEG)}
    services = {(it["name"], it["location"]) for it in graph.all(SERVICE)}
    used: set[str] = set()
    for it in graph.all(_BACKEND):
        name = it["name"]
        for key in ("timeoutSec", "portName", "healthChecks", "sessionAffinity"):
            if it.get(key) not in (None, []):
                yield f"backend service {name}: {key} is not for serverless groups"
        if not it.get("securityPolicy"):
            yield f"backend service {name}: nothing limits its rate"
        for backend in it["backends"]:
            used.add(backend["group"])
            for key in backend.keys() - {"group", "description", "capacityScaler"}:
                yield f"backend service {name}: {key} is not for serverless groups"
            if backend["group"] not in groups:
                yield f"backend service {name}: {backend['group']} is not declared"
    for identity, it in groups.items():
        run = it.get("cloudRun") or {}
        if it["networkEndpointType"] != "SERVERLESS" or not run:
            yield f"group {it['name']}: not a serverless group of a Cloud Run service"
        elif (run["service"], it["region"]) not in services:
            yield f"group {it['name']}: no service {run['service']} in {it['region']}"
        if identity not in used:
            yield f"group {it['name']}: in no backend service"


def _url_maps(graph: Graph) -> Iterator[str]:
    backends = {it["id"] for type_ in (_BACKEND, _BUCKET) for it in graph.all(type_)}
    for it in graph.all("gcp:compute/uRLMap:URLMap"):
        named = {it.get("defaultService")} - {None}
        for matcher in it.get("pathMatchers") or []:
            named.add(matcher.get("defaultService"))
            rules = matcher.get("pathRules") or []
            named |= {rule.get("service") for rule in rules}
            for path, times in Counter(p for rule in rules for p in rule["paths"]).items():
                if times > 1:
                    yield f"URL map {it['name']}: {path} is routed {times} times"
                if "*" in path and (not path.endswith("/*") or path.count("*") > 1):
                    yield f"URL map {it['name']}: {path} is not a path rule"
        for identity in named - backends:
            yield f"URL map {it['name']}: {identity} is not declared"


def _cdn(graph: Graph) -> Iterator[str]:
    """Source: https://cloud.google.com/cdn/docs/using-ttl-overrides, …/docs/using-signed-urls"""
    keys = {it["backendBucket"]: it for it in graph.all(_KEY)}
    public = {
        it["bucket"]
        for it in graph.all("gcp:storage/bucketIAMMember:BucketIAMMember")
        if it["member"] == "allUsers"
    }
    for it in graph.all(_BUCKET):
        name, policy = it["name"], it.get("cdnPolicy") or {}
        default, client = policy.get("defaultTtl"), policy.get("clientTtl")
        if policy.get("cacheMode") == "FORCE_CACHE_ALL" and policy.get("maxTtl") is not None:
            yield f"backend bucket {name}: maxTtl is not allowed with FORCE_CACHE_ALL"
        if default is not None and default > policy.get("maxTtl", default):
            yield f"backend bucket {name}: defaultTtl is above maxTtl"
        longest = policy.get("maxTtl", default)
        if client is not None and longest is not None and client > longest:
            yield f"backend bucket {name}: clientTtl is above what the cache keeps"
        if it["bucketName"] not in public and name not in keys:
            yield f"backend bucket {name}: private and without a signing key, so nobody may read it"
    yield from _fill(graph)


def _fill(graph: Graph) -> Iterator[str]:
    """Google makes the fill agent with the first signing key: a grant before it has no member."""
    agent = agents(graph.project_number)["cdn"]
    keys = {it.urn for it in graph.all(_KEY)}
    for key in graph.all(_KEY):
        bucket = graph.find(_BUCKET, "name", key["backendBucket"])
        if bucket is None:
            yield f"signing key {key['name']}: no backend bucket {key['backendBucket']}"
            continue
        grants = [
            it
            for it in graph.all("gcp:storage/bucketIAMMember:BucketIAMMember")
            if it["member"] == agent and it["bucket"] == bucket["bucketName"]
        ]
        if not grants:
            yield f"bucket {bucket['bucketName']}: Cloud CDN's fill agent may not read it"
        for grant in grants:
            if not keys & set(grant.after):
                yield f"bucket {bucket['bucketName']}: the fill agent's grant must wait for a key"
