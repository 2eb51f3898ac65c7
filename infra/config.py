"""The stack's configuration, read once, in one place."""

from dataclasses import dataclass

import pulumi

OIDC_CERTS_URL = "https://www.googleapis.com/oauth2/v3/certs"
RUN_API_ENDPOINT = "https://run.googleapis.com"


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
    requests_per_minute: int
    protect: bool
    jwt_signing_key: pulumi.Output[str]
    cdn_signing_key: pulumi.Output[str]
    bootstrap_client_secret: pulumi.Output[str]
    billing_webhook_secret: pulumi.Output[str]
    app_password_key: pulumi.Output[str]
    jwt_other_key: str
    public_url: str
    oidc_certs_url: str
    run_api_endpoint: str

    @property
    def region(self) -> str:
        return self.regions[0]

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
            requests_per_minute=segue.require_int("requestsPerMinute"),
            protect=segue.require_bool("protect"),
            jwt_signing_key=segue.require_secret("jwtSigningKey"),
            cdn_signing_key=segue.require_secret("cdnSigningKey"),
            bootstrap_client_secret=segue.require_secret("bootstrapClientSecret"),
            billing_webhook_secret=segue.require_secret("billingWebhookSecret"),
            app_password_key=segue.require_secret("appPasswordKey"),
            jwt_other_key=segue.get("jwtOtherKey") or "",
            public_url=segue.get("publicUrl") or f"https://{domain}",
            oidc_certs_url=segue.get("oidcCertsUrl") or OIDC_CERTS_URL,
            run_api_endpoint=segue.get("runApiEndpoint") or RUN_API_ENDPOINT,
        )
