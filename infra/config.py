"""The stack's configuration, read once, in one place."""

import json
import re
from dataclasses import asdict, dataclass

import pulumi

from shared.ddex.identifiers import NOBODY, parse_dpid

OIDC_CERTS_URL = "https://www.googleapis.com/oauth2/v3/certs"
UNSET = "none"
RUN_API_ENDPOINT = "https://run.googleapis.com"
DATAFLOW_API_ENDPOINT = "https://dataflow.googleapis.com"


_EDGE = re.compile(
    r"([a-z][a-z0-9-]{0,19})=([a-z0-9-]+)@(-?[0-9.]+),(-?[0-9.]+):([0-9]+(?:\.[0-9]+)?)"
)


class BadEdges(ValueError):
    """`segue:edges` is not `NAME=REGION@LATITUDE,LONGITUDE:GBPS …`, or names one twice."""


@dataclass(frozen=True, slots=True)
class EdgeConfig:
    """One audio endpoint besides the front door: an address and a cache of its own.

    `region` is whose warmer fills it; `gbps` what it may carry; `url` without a closing slash.
    """

    name: str
    region: str
    latitude: float
    longitude: float
    gbps: float
    url: str


def read_edges(text: str, domain: str, urls: str = "") -> tuple[EdgeConfig, ...]:
    """The edges that `segue:edges` lists: `eu=europe-west1@50.45,3.82:400`, separated by spaces.

    Edge `eu` is `https://edge-eu.{domain}`, unless `urls` (`eu=http://…`) says otherwise.

    Raises:
        BadEdges: it is not that, or names an edge twice.
    """
    known = dict(one.split("=", 1) for one in urls.split())
    found: dict[str, EdgeConfig] = {}
    for word in text.split():
        match = _EDGE.fullmatch(word)
        if match is None or match[1] in found:
            raise BadEdges(f"segue:edges: {word!r} is not NAME=REGION@LATITUDE,LONGITUDE:GBPS")
        name, region, latitude, longitude, gbps = match.groups()
        url = known.get(name, f"https://edge-{name}.{domain}")
        found[name] = EdgeConfig(name, region, float(latitude), float(longitude), float(gbps), url)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class MailConfig:
    """The relay that mail leaves by. Without `host` none is sent, and pages say so."""

    host: str
    port: int
    security: str
    username: str
    password: pulumi.Output[str]
    sender: str

    @classmethod
    def load(cls, segue: pulumi.Config, domain: str) -> "MailConfig":
        """`segue:smtpHost` and what goes with it. A relay that wants a user name wants a password
        too: without `segue:smtpPassword` the program stops."""
        host = segue.get("smtpHost") or ""
        username = segue.get("smtpUsername") or ""
        if host and username:
            password = segue.require_secret("smtpPassword")
        else:
            # Secret Manager takes no empty secret.
            password = segue.get_secret("smtpPassword") or pulumi.Output.secret(UNSET)
        return cls(
            host=host,
            port=segue.get_int("smtpPort") or 587,
            security=segue.get("smtpSecurity") or "starttls",
            username=username,
            password=password,
            sender=segue.get("mailFrom") or f"Segue <no-reply@{domain}>",
        )


@dataclass(frozen=True, slots=True)
class StackConfig:
    """What differs between stacks. `regions[0]` is the primary: events and data live there.

    The last three exist so that the local cloud can stand in for Google's public endpoints;
    a cloud stack leaves them out.
    """

    stack: str
    project: str
    project_number: str
    regions: tuple[str, ...]
    data_location: str
    firestore_location: str
    domain: str
    default_territory: str
    ddex_party_id: str
    requests_per_minute: int
    protect: bool
    jwt_signing_key: pulumi.Output[str]
    cdn_signing_key: pulumi.Output[str]
    bootstrap_client_secret: pulumi.Output[str]
    billing_webhook_secret: pulumi.Output[str]
    app_password_key: pulumi.Output[str]
    service_key: pulumi.Output[str]
    mail: MailConfig
    jwt_other_key: str
    cdn_key_name: str
    cdn_other_key_name: str
    cdn_other_signing_key: pulumi.Output[str] | None
    edges: tuple[EdgeConfig, ...]
    warm_budget_mib: int
    grant_s: int
    public_url: str
    oidc_certs_url: str
    run_api_endpoint: str
    dataflow_api_endpoint: str

    @property
    def region(self) -> str:
        return self.regions[0]

    @property
    def cdn_keys(self) -> dict[str, pulumi.Output[str]]:
        """The signing keys that every audio backend accepts, by name; the first one signs.

        Two while a key is rotated (docs/operations.md).
        """
        keys = {self.cdn_key_name: self.cdn_signing_key}
        if self.cdn_other_key_name and self.cdn_other_signing_key is not None:
            keys[self.cdn_other_key_name] = self.cdn_other_signing_key
        return keys

    @property
    def edges_json(self) -> str:
        """The edges as services read them; one of a region where nothing runs is the primary's."""
        edges = [
            {**asdict(one), "region": one.region if one.region in self.regions else self.region}
            for one in self.edges
        ]
        return json.dumps(edges, separators=(",", ":"))

    @property
    def labels(self) -> dict[str, str]:
        return {"app": "segue", "stack": self.stack}

    def run_url(self, service: str) -> str:
        """The deterministic URL of a Cloud Run service in the primary region."""
        return f"https://{service}-{self.project_number}.{self.region}.run.app"

    @classmethod
    def load(cls) -> "StackConfig":
        """Read `Pulumi.<stack>.yaml`. A missing key stops the program and names itself."""
        gcp = pulumi.Config("gcp")
        segue = pulumi.Config("segue")
        domain = segue.require("domain")
        return cls(
            stack=pulumi.get_stack(),
            project=gcp.require("project"),
            project_number=segue.require("projectNumber"),
            regions=tuple(segue.require("regions").replace(" ", "").split(",")),
            data_location=segue.require("dataLocation"),
            firestore_location=segue.require("firestoreLocation"),
            domain=domain,
            default_territory=segue.require("defaultTerritory"),
            # Until it says who we are, no deal that names its channels is for us, and usage reports
            # are refused. A wrong check character stops here, not at who gets our reports.
            ddex_party_id=parse_dpid(segue.get("ddexPartyId") or NOBODY),
            requests_per_minute=segue.require_int("requestsPerMinute"),
            protect=segue.require_bool("protect"),
            jwt_signing_key=segue.require_secret("jwtSigningKey"),
            cdn_signing_key=segue.require_secret("cdnSigningKey"),
            bootstrap_client_secret=segue.require_secret("bootstrapClientSecret"),
            billing_webhook_secret=segue.require_secret("billingWebhookSecret"),
            app_password_key=segue.require_secret("appPasswordKey"),
            service_key=segue.require_secret("serviceKey"),
            mail=MailConfig.load(segue, domain),
            jwt_other_key=segue.get("jwtOtherKey") or "",
            cdn_key_name=segue.get("cdnKeyName") or "audio-1",
            cdn_other_key_name=segue.get("cdnOtherKeyName") or "",
            cdn_other_signing_key=segue.get_secret("cdnOtherSigningKey"),
            warm_budget_mib=segue.require_int("warmBudgetMib"),
            grant_s=segue.get_int("grantSeconds") or 120,
            edges=read_edges(segue.get("edges") or "", domain, segue.get("edgeUrls") or ""),
            public_url=segue.get("publicUrl") or f"https://{domain}",
            oidc_certs_url=segue.get("oidcCertsUrl") or OIDC_CERTS_URL,
            run_api_endpoint=segue.get("runApiEndpoint") or RUN_API_ENDPOINT,
            dataflow_api_endpoint=segue.get("dataflowApiEndpoint") or DATAFLOW_API_ENDPOINT,
        )
