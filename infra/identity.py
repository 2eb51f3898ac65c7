"""APIs, service accounts, Google's service agents and secrets."""

from dataclasses import dataclass, field

import pulumi
from pulumi_gcp import projects, secretmanager, serviceaccount

from infra.config import StackConfig

APIS = (
    "artifactregistry",
    "bigquery",
    "cloudbuild",
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudscheduler",
    "compute",
    "dataflow",
    "eventarc",
    "firestore",
    "iam",
    "logging",
    "pubsub",
    "run",
    "secretmanager",
    "storage",
)


class Apis(pulumi.ComponentResource):
    """Google APIs that the stack uses, enabled; left on when the stack is destroyed."""

    services: list[projects.Service]

    def __init__(self, config: StackConfig) -> None:
        super().__init__("segue:index:Apis", "apis")
        self.services = [
            projects.Service(
                api,
                project=config.project,
                service=f"{api}.googleapis.com",
                disable_on_destroy=False,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for api in APIS
        ]
        self.register_outputs({})


@dataclass(frozen=True, slots=True)
class Agents:
    """IAM members of Google's own service agents in this project."""

    pubsub: str
    storage: str
    cdn_fill: str

    @classmethod
    def of(cls, config: StackConfig) -> "Agents":
        def agent(domain: str) -> str:
            return (
                f"serviceAccount:service-{config.project_number}@{domain}.iam.gserviceaccount.com"
            )

        return cls(
            pubsub=agent("gcp-sa-pubsub"),
            storage=agent("gs-project-accounts"),
            cdn_fill=agent("cloud-cdn-fill"),
        )


class Identities(pulumi.ComponentResource):
    """The accounts that are nobody's service: who pushes events and tasks, who builds images.

    Each deployable's own account is made beside it (`infra.deployables`).
    """

    push: serviceaccount.Account
    builder: serviceaccount.Account
    launcher: serviceaccount.Account
    """Launches pipelines when their time has come."""
    listener: projects.IAMCustomRole
    builds: list[pulumi.Resource]
    """What the builder may do, besides reading the sources (`infra.data.Images`)."""

    def __init__(self, config: StackConfig, agents: Agents, opts: pulumi.ResourceOptions) -> None:
        super().__init__("segue:index:Identities", "identities", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.push = service_account(config, "push", "Delivers events and tasks", child)
        self.builder = service_account(config, "builder", "Builds container images", child)
        self.launcher = service_account(config, "launcher", "Launches pipelines", child)
        project_role(config, "launcher", "dataflow.developer", self.launcher.member, child)
        # Pub/Sub and Cloud Scheduler mint ID tokens for these accounts.
        serviceaccount.IAMMember(
            "push-tokens",
            service_account_id=self.push.name,
            role="roles/iam.serviceAccountTokenCreator",
            member=agents.pubsub,
            opts=child,
        )
        self.listener = listener_role(config, child)
        self.builds = [
            project_role(config, "builder", role, self.builder.member, child)
            for role in ("logging.logWriter", "artifactregistry.writer")
        ]
        self.register_outputs({})


def service_account(
    config: StackConfig, name: str, title: str, opts: pulumi.ResourceOptions
) -> serviceaccount.Account:
    """A service account; `name` is 6 to 30 characters for Google, so short ones get a prefix."""
    return serviceaccount.Account(
        name, project=config.project, account_id=f"segue-{name}", display_name=title, opts=opts
    )


def project_role(
    config: StackConfig,
    name: str,
    role: str,
    member: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> projects.IAMMember:
    """Bind `role` ("datastore.user") on the whole project."""
    return projects.IAMMember(
        f"{name}-{role}",
        project=config.project,
        role=f"roles/{role}",
        member=member,
        opts=opts,
    )


def listener_role(config: StackConfig, opts: pulumi.ResourceOptions) -> projects.IAMCustomRole:
    """What an instance needs to read a topic over a subscription of its own, and no more.

    Pub/Sub has no narrower place to grant it: the subscription does not exist beforehand, and
    its name can't be a condition (docs/decisions/0033).
    """
    return projects.IAMCustomRole(
        "listener",
        project=config.project,
        role_id="segueListener",
        title="Segue listener",
        description="Makes, reads and removes subscriptions of its own",
        permissions=[
            "pubsub.subscriptions.consume",
            "pubsub.subscriptions.create",
            "pubsub.subscriptions.delete",
        ],
        opts=opts,
    )


class Secrets(pulumi.ComponentResource):
    """The stack's secrets, each with one version from the (encrypted) stack configuration."""

    secrets: dict[str, secretmanager.Secret]
    versions: dict[str, secretmanager.SecretVersion] = field(default_factory=dict)

    def __init__(self, config: StackConfig, opts: pulumi.ResourceOptions) -> None:
        super().__init__("segue:index:Secrets", "secrets", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        values = {
            "jwt-signing-key": config.jwt_signing_key,
            "cdn-signing-key": config.cdn_signing_key,
            "bootstrap-client-secret": config.bootstrap_client_secret,
            "billing-webhook-secret": config.billing_webhook_secret,
            "app-password-key": config.app_password_key,
            "service-key": config.service_key,
            "smtp-password": config.mail.password,
        }
        self.secrets = {
            name: secretmanager.Secret(
                name,
                project=config.project,
                secret_id=name,
                replication={"auto": {}},
                labels=config.labels,
                opts=child,
            )
            for name in values
        }
        self.versions = {
            name: secretmanager.SecretVersion(
                name, secret=self.secrets[name].id, secret_data=value, opts=child
            )
            for name, value in values.items()
        }
        self.register_outputs({})
