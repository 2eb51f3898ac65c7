"""A backend bucket's `cdnPolicy`, and what it makes of a response: for how long may it be kept.

Source: https://cloud.google.com/cdn/docs/caching and …/using-negative-caching
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

CacheMode = Literal["CACHE_ALL_STATIC", "USE_ORIGIN_HEADERS", "FORCE_CACHE_ALL"]

NEGATIVE_TTL_S: Mapping[int, int] = MappingProxyType(
    {300: 600, 301: 600, 308: 600, 302: 0, 307: 0}
    | {404: 120, 410: 120, 451: 120}
    | {405: 60, 421: 60, 501: 60}
)
"""What negative caching keeps by default; no other error status may be cached."""

_STATIC = (
    "text/css",
    "text/ecmascript",
    "text/javascript",
    "application/javascript",
    "application/wasm",
    "application/pdf",
    "application/postscript",
    "application/zip",
    "application/gzip",
    "application/vnd.apple.mpegurl",
    "application/dash+xml",
    "application/font-",
    "audio/",
    "font/",
    "image/",
    "model/",
    "video/",
)
KEPT_VARY = frozenset({"accept", "accept-encoding", "origin"})


@dataclass(frozen=True, slots=True)
class CdnPolicy:
    """Times in seconds. The defaults are Cloud CDN's."""

    cache_mode: CacheMode = "CACHE_ALL_STATIC"
    default_ttl_s: int = 3600
    max_ttl_s: int = 86400
    client_ttl_s: int = 3600
    signed_max_age_s: int = 3600
    negative_ttl_s: Mapping[int, int] = field(default_factory=dict)
    serve_while_stale_s: int = 86400
    coalesce: bool = True
    key_queries: frozenset[str] = frozenset()
    bypass_headers: frozenset[bytes] = frozenset()
    enabled: bool = True

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "CdnPolicy":
        """Read the resource's camelCase property."""
        mode = raw.get("cacheMode") or "CACHE_ALL_STATIC"
        default = _seconds(raw, "defaultTtl", 3600)
        negative: dict[int, int] = {}
        if raw.get("negativeCaching"):
            own = raw.get("negativeCachingPolicies") or ()
            negative = {int(one["code"]): int(one.get("ttl") or 0) for one in own}
            negative = negative or dict(NEGATIVE_TTL_S)
        keys = raw.get("cacheKeyPolicy") or {}
        bypass = raw.get("bypassCacheOnRequestHeaders") or ()
        return cls(
            mode,
            default,
            _seconds(raw, "maxTtl", 86400),
            _seconds(raw, "clientTtl", default if mode == "FORCE_CACHE_ALL" else 3600),
            _seconds(raw, "signedUrlCacheMaxAgeSec", 3600),
            {code: ttl for code, ttl in negative.items() if code in NEGATIVE_TTL_S},
            _seconds(raw, "serveWhileStale", 86400),
            raw.get("requestCoalescing") is not False,
            frozenset(keys.get("queryStringWhitelists") or ()),
            frozenset(one["headerName"].lower().encode() for one in bypass),
        )


def _seconds(raw: Mapping[str, Any], key: str, default: int) -> int:
    value = raw.get(key)
    return default if value is None else int(value)


def directives(cache_control: str) -> dict[str, str]:
    """`public, max-age=60` → {"public": "", "max-age": "60"}."""
    pairs = (part.strip().partition("=") for part in cache_control.split(","))
    return {name.lower(): value.strip('"') for name, _, value in pairs if name}


def lifetime_s(
    policy: CdnPolicy, status: int, headers: Mapping[str, str], *, signed: bool
) -> int | None:
    """For how many seconds a response stays fresh; 0: keep, but ask each time; None: don't keep.

    `headers` by lower-case name. A response to a signed request is kept whatever its own
    headers say, for `signed_max_age_s`; FORCE_CACHE_ALL goes before that.
    """
    if not policy.enabled or not _varies_keepably(headers):
        return None
    if status not in (200, 206):
        return policy.negative_ttl_s.get(status) or None
    if policy.cache_mode == "FORCE_CACHE_ALL":
        return policy.default_ttl_s
    if signed:
        return policy.signed_max_age_s
    told = directives(headers.get("cache-control", ""))
    if told.keys() & {"no-store", "private"}:
        return None
    if "no-cache" in told:
        return 0
    own = _own_lifetime(told)
    capped = policy.cache_mode == "CACHE_ALL_STATIC"
    if own is not None:
        return min(own, policy.max_ttl_s) if capped else own
    if capped and headers.get("content-type", "").lower().startswith(_STATIC):
        return policy.default_ttl_s
    return None


def client_cache_control(policy: CdnPolicy, own: str | None) -> str | None:
    """The Cache-Control that a client sees of a kept response: `clientTtl` caps it.

    Responses to signed requests are not altered; don't ask for them.
    """
    if not policy.enabled or policy.cache_mode == "USE_ORIGIN_HEADERS":
        return own
    if policy.cache_mode == "FORCE_CACHE_ALL" or not own:
        return f"public, max-age={policy.client_ttl_s}"
    told = directives(own)
    if told.keys() & {"no-store", "private", "no-cache"} or not told.get("max-age", "").isdigit():
        return own
    told["max-age"] = str(min(int(told["max-age"]), policy.client_ttl_s))
    return ", ".join(f"{name}={value}" if value else name for name, value in told.items())


def _own_lifetime(told: Mapping[str, str]) -> int | None:
    for name in ("s-maxage", "max-age"):
        if told.get(name, "").isdigit():
            return int(told[name])
    return None


def _varies_keepably(headers: Mapping[str, str]) -> bool:
    names = {name.strip().lower() for name in headers.get("vary", "").split(",") if name.strip()}
    return names <= KEPT_VARY


DISABLED = CdnPolicy(enabled=False, coalesce=False)
"""What holds for a backend without Cloud CDN: every request goes to the origin."""
