"""The front door: one address, one URL map; APIs by path, audio through Cloud CDN, signed."""

import mimetypes
import re
from pathlib import Path

import pulumi
from pulumi_gcp import compute, storage

from infra.config import EdgeConfig, StackConfig
from infra.data import Buckets
from infra.deployables import Deployed
from infra.identity import Agents
from infra.packaging import ROOT
from shared.inward import HEADER

CLIENT_HEADERS = [
    "X-Client-Geo-Region:{client_region}",
    "X-Client-Geo-Location:{client_city_lat_long}",
]
CACHE_STATUS = "X-Cache-Status: {cdn_cache_status}"
UNKNOWN, REFUSES = "/v1/*", "catalog"
"""API paths that no service has, and who refuses them: else the page's bucket would, in XML."""
PAGE = ROOT / "clients" / "web" / "dist"
"""Where `make page` puts the player page."""


def by_us(service_key: str) -> str:
    """Cloud Armor's expression for calls that bear the mark of `shared.inward`."""
    if not re.fullmatch(r"[0-9A-Za-z_-]{32,128}", service_key):
        raise ValueError("segue:serviceKey is not 32 to 128 letters: openssl rand -hex 32")
    mark = f"request.headers['{HEADER}']"
    return f"has({mark}) && {mark} == '{service_key}'"


class Delivery(pulumi.ComponentResource):
    """URL map, backends, certificate, address, CDN signing key and rate limits."""

    url_map: compute.URLMap

    def __init__(
        self,
        config: StackConfig,
        agents: Agents,
        buckets: Buckets,
        deployed: list[Deployed],
        page: Path,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("segue:index:Delivery", "delivery", None, opts)
        self.config = config
        self.child = pulumi.ResourceOptions(parent=self)
        armor = self._armor()
        backends = {it.deployable.name: self._backend(it, armor) for it in deployed if it.services}
        audio = self._bucket("audio", buckets, signed=True)
        signing_keys = self._signing_keys(audio)
        # Cloud CDN's fill agent comes into being with the first signing key of the project.
        storage.BucketIAMMember(
            "audio-cdn-fill",
            bucket=buckets.buckets["audio"].name,
            role="roles/storage.objectViewer",
            member=agents.cdn_fill,
            opts=pulumi.ResourceOptions(parent=self, depends_on=signing_keys),
        )
        images = self._bucket("images", buckets)
        web = self._bucket("web", buckets)
        rules: list[compute.URLMapPathMatcherPathRuleArgsDict] = [
            {"paths": list(it.deployable.paths), "service": backends[it.deployable.name].id}
            for it in deployed
            if it.deployable.paths
        ]
        if REFUSES in backends:
            rules.append({"paths": [UNKNOWN], "service": backends[REFUSES].id})
        rules.append({"paths": ["/audio/*"], "service": audio.id})
        rules.append({"paths": ["/images/*"], "service": images.id})
        self.url_map = compute.URLMap(
            "front-door",
            project=config.project,
            name="segue",
            default_service=web.id,
            host_rules=[{"hosts": ["*"], "path_matcher": "all"}],
            path_matchers=[{"name": "all", "default_service": web.id, "path_rules": rules}],
            opts=self.child,
        )
        self._redirect(self._listen("", config.domain, self.url_map, {}))
        for edge in config.edges:
            self._edge(edge, buckets)
        page_objects(buckets.buckets["web"], page, self.child)
        self.register_outputs({})

    def _armor(self) -> compute.SecurityPolicy:
        """Cloud Armor: a client address that asks too much is slowed down with 429; our own
        services, which ask for many from few addresses, are not."""
        limit: compute.SecurityPolicyRuleRateLimitOptionsArgsDict = {
            "conform_action": "allow",
            "exceed_action": "deny(429)",
            "enforce_on_key": "IP",
            "rate_limit_threshold": {
                "count": self.config.requests_per_minute,
                "interval_sec": 60,
            },
        }
        any_address: compute.SecurityPolicyRuleMatchArgsDict = {
            "versioned_expr": "SRC_IPS_V1",
            "config": {"src_ip_ranges": ["*"]},
        }
        return compute.SecurityPolicy(
            "api",
            project=self.config.project,
            name="segue-api",
            labels=self.config.labels,
            rules=[
                {
                    "action": "allow",
                    "priority": 900,
                    "match": {"expr": {"expression": self.config.service_key.apply(by_us)}},
                },
                {
                    "action": "throttle",
                    "priority": 1000,
                    "match": any_address,
                    "rate_limit_options": limit,
                },
                {"action": "allow", "priority": 2147483647, "match": any_address},
            ],
            opts=self.child,
        )

    def _backend(self, deployed: Deployed, armor: compute.SecurityPolicy) -> compute.BackendService:
        """One backend service over the serverless groups of every region."""
        name = deployed.deployable.name
        groups = [
            compute.RegionNetworkEndpointGroup(
                f"{name}-{region}",
                project=self.config.project,
                name=f"{name}-{region}",
                region=region,
                network_endpoint_type="SERVERLESS",
                cloud_run={"service": service.name},
                opts=self.child,
            )
            for region, service in deployed.services.items()
        ]
        return compute.BackendService(
            name,
            project=self.config.project,
            name=f"segue-{name}",
            load_balancing_scheme="EXTERNAL_MANAGED",
            protocol="HTTPS",
            backends=[{"group": group.id} for group in groups],
            security_policy=armor.id,
            custom_request_headers=CLIENT_HEADERS,
            log_config={"enable": True, "sample_rate": 0.1},
            opts=self.child,
        )

    def _bucket(
        self, of: str, buckets: Buckets, signed: bool = False, name: str | None = None
    ) -> compute.BackendBucket:
        """Bucket `of` behind Cloud CDN. What is signed is immutable, so it may stay for a year."""
        name = name or of
        policy: dict[str, object] = {
            "cache_mode": "CACHE_ALL_STATIC",
            "default_ttl": 3600,
            "client_ttl": 3600,
            "max_ttl": 86400,
            "negative_caching": True,
            "negative_caching_policies": [{"code": 404, "ttl": 10}],
            "request_coalescing": True,
            "serve_while_stale": 86400,
        }
        if signed:
            year = 365 * 24 * 3600
            policy |= {
                "cache_mode": "FORCE_CACHE_ALL",
                "default_ttl": year,
                "client_ttl": year,
                "signed_url_cache_max_age_sec": year,
            }
            del policy["max_ttl"]  # not allowed with FORCE_CACHE_ALL
        return compute.BackendBucket(
            name,
            project=self.config.project,
            name=f"segue-{name}",
            bucket_name=buckets.buckets[of].name,
            enable_cdn=True,
            cdn_policy=policy,  # type: ignore[arg-type]
            custom_response_headers=[
                CACHE_STATUS,
                "X-Content-Type-Options: nosniff",
                *(self._page_policy() if of == "web" else ()),
                *(self._open_to_page() if name != of else ()),
            ],
            opts=self.child,
        )

    def _signing_keys(
        self, bucket: compute.BackendBucket, edge: str = ""
    ) -> list[compute.BackendBucketSignedUrlKey]:
        """Every live key on `bucket`, known to Pulumi by its name: a key that goes on living while
        another comes or goes is not touched."""
        return [
            compute.BackendBucketSignedUrlKey(
                f"{edge}-{name}" if edge else name,
                project=self.config.project,
                name=name,
                backend_bucket=bucket.name,
                key_value=value,
                opts=self.child,
            )
            for name, value in self.config.cdn_keys.items()
        ]

    def _edge(self, edge: EdgeConfig, buckets: Buckets) -> None:
        """An audio endpoint with an address, a certificate and a cache of its own, so that players
        have somewhere to go when another one fails them (docs/decisions/0023)."""
        name = f"audio-{edge.name}"
        bucket = self._bucket("audio", buckets, signed=True, name=name)
        self._signing_keys(bucket, edge.name)
        url_map = compute.URLMap(
            f"edge-{edge.name}",
            project=self.config.project,
            name=f"segue-edge-{edge.name}",
            default_service=bucket.id,
            opts=self.child,
        )
        host = f"edge-{edge.name}.{self.config.domain}"
        self._listen(f"edge-{edge.name}", host, url_map, {"edge": edge.name})

    def _page_policy(self) -> tuple[str, ...]:
        """What the page's own policy cannot say in a meta element: who may frame it, and which
        hosts of this stack it may fetch from."""
        edges = "".join(f" {one.url}" for one in self.config.edges)
        policy = f"frame-ancestors 'none'; connect-src 'self'{edges}"
        return f"Content-Security-Policy: {policy}", "X-Frame-Options: DENY"

    def _open_to_page(self) -> tuple[str, ...]:
        """The page may read what an edge, another host, answers (Fetch, section 3.2)."""
        return (
            f"Access-Control-Allow-Origin: {self.config.public_url}",
            "Access-Control-Expose-Headers: Content-Range, X-Cache-Status",
            "Timing-Allow-Origin: *",
        )

    def _listen(
        self, name: str, domain: str, url_map: compute.URLMap, labels: dict[str, str]
    ) -> compute.GlobalAddress:
        """An address on port 443 for `domain`; `name` is empty for the front door."""
        config, dash = self.config, f"-{name}" if name else ""

        def called(what: str) -> str:
            return f"{name}-{what}" if name else what

        address = compute.GlobalAddress(
            called("address"),
            project=config.project,
            name=f"segue{dash}",
            labels=config.labels,
            opts=self.child,
        )
        certificate = compute.ManagedSslCertificate(
            called("certificate"),
            project=config.project,
            name=f"segue{dash}",
            managed={"domains": [domain]},
            opts=self.child,
        )
        https = compute.TargetHttpsProxy(
            called("https"),
            project=config.project,
            name=f"segue{dash}",
            url_map=url_map.id,
            ssl_certificates=[certificate.id],
            opts=self.child,
        )
        compute.GlobalForwardingRule(
            called("https"),
            project=config.project,
            name=f"segue{dash}-https",
            labels={**config.labels, **labels},
            load_balancing_scheme="EXTERNAL_MANAGED",
            ip_address=address.id,
            port_range="443",
            target=https.id,
            opts=self.child,
        )
        return address

    def _redirect(self, address: compute.GlobalAddress) -> None:
        """Plain HTTP at the front door leads to HTTPS; edges are never asked without."""
        config = self.config
        redirect = compute.URLMap(
            "redirect",
            project=config.project,
            name="segue-redirect",
            default_url_redirect={"https_redirect": True, "strip_query": False},
            opts=self.child,
        )
        http = compute.TargetHttpProxy(
            "http", project=config.project, name="segue", url_map=redirect.id, opts=self.child
        )
        compute.GlobalForwardingRule(
            "http",
            project=config.project,
            name="segue-http",
            labels=config.labels,
            load_balancing_scheme="EXTERNAL_MANAGED",
            ip_address=address.id,
            port_range="80",
            target=http.id,
            opts=self.child,
        )


class PageNotBuilt(FileNotFoundError):
    """The player page has not been built: run `make page`."""


def page_objects(bucket: storage.Bucket, dist: Path, opts: pulumi.ResourceOptions) -> None:
    """Put the built player page, the folder `dist`, into the web bucket.

    Raises:
        PageNotBuilt: there is no build.
    """
    if not (dist / "index.html").is_file():
        raise PageNotBuilt(f"{dist}/index.html is missing: run `make page`")
    for path in sorted(dist.rglob("*")):
        if path.is_file():
            _page_object(bucket, path, path.relative_to(dist).as_posix(), opts)


def _page_object(
    bucket: storage.Bucket, path: Path, name: str, opts: pulumi.ResourceOptions
) -> None:
    # Every file but the entry page carries its content's hash in its name.
    entry = path.suffix == ".html"
    storage.BucketObject(
        f"web-{name}",
        bucket=bucket.name,
        name=name,
        source=pulumi.FileAsset(str(path)),
        content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        cache_control="no-cache" if entry else "public, max-age=31536000, immutable",
        opts=opts,
    )
