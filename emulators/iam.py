"""IAM over the graph: who may do what, by the bindings that the program declares and no others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from emulators.graph import Graph, Resource

OPERATOR = "user:operator"
"""The person at this machine: may do everything, as a project's owner may."""

ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "roles/pubsub.publisher": frozenset({"pubsub.topics.publish"}),
        "roles/pubsub.subscriber": frozenset(
            {"pubsub.subscriptions.consume", "pubsub.topics.attachSubscription"}
        ),
        "roles/storage.objectViewer": frozenset({"storage.objects.get", "storage.objects.list"}),
        "roles/storage.objectCreator": frozenset({"storage.objects.create"}),
        "roles/storage.objectUser": frozenset(
            {
                "storage.objects.get",
                "storage.objects.list",
                "storage.objects.create",
                "storage.objects.update",
                "storage.objects.delete",
            }
        ),
        "roles/storage.legacyBucketReader": frozenset(
            {"storage.buckets.get", "storage.objects.list"}
        ),
        "roles/datastore.user": frozenset(
            {
                "datastore.entities.get",
                "datastore.entities.list",
                "datastore.entities.create",
                "datastore.entities.update",
                "datastore.entities.delete",
            }
        ),
        "roles/datastore.viewer": frozenset({"datastore.entities.get", "datastore.entities.list"}),
        "roles/run.invoker": frozenset({"run.routes.invoke", "run.jobs.run"}),
        "roles/run.jobsExecutorWithOverrides": frozenset(
            {"run.jobs.run", "run.jobs.runWithOverrides"}
        ),
        "roles/dataflow.developer": frozenset(
            {"dataflow.jobs.create", "dataflow.jobs.get", "dataflow.jobs.list"}
        ),
        "roles/dataflow.worker": frozenset(),
        "roles/iam.serviceAccountUser": frozenset({"iam.serviceAccounts.actAs"}),
        "roles/secretmanager.secretAccessor": frozenset({"secretmanager.versions.access"}),
        "roles/eventarc.eventReceiver": frozenset({"eventarc.events.receiveEvent"}),
        "roles/bigquery.dataEditor": frozenset(
            {"bigquery.tables.get", "bigquery.tables.updateData", "bigquery.tables.getData"}
        ),
        "roles/bigquery.dataViewer": frozenset({"bigquery.tables.get", "bigquery.tables.getData"}),
        "roles/bigquery.jobUser": frozenset({"bigquery.jobs.create"}),
        "roles/bigquery.metadataViewer": frozenset({"bigquery.tables.get"}),
        "roles/iam.serviceAccountTokenCreator": frozenset(
            {"iam.serviceAccounts.getOpenIdToken", "iam.serviceAccounts.signBlob"}
        ),
        "roles/cloudbuild.builds.builder": frozenset(),
        "roles/logging.logWriter": frozenset(),
        "roles/artifactregistry.reader": frozenset(),
        "roles/artifactregistry.writer": frozenset(),
    }
)

# Resource-level bindings: Pulumi type -> (kind, property that names the resource).
_BINDINGS = {
    "gcp:pubsub/topicIAMMember:TopicIAMMember": ("topic", "topic"),
    "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember": ("subscription", "subscription"),
    "gcp:storage/bucketIAMMember:BucketIAMMember": ("bucket", "bucket"),
    "gcp:secretmanager/secretIamMember:SecretIamMember": ("secret", "secretId"),
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": ("service", "name"),
    "gcp:cloudrunv2/jobIamMember:JobIamMember": ("job", "name"),
    "gcp:cloudfunctionsv2/functionIamMember:FunctionIamMember": ("service", "cloudFunction"),
    "gcp:bigquery/datasetIamMember:DatasetIamMember": ("dataset", "datasetId"),
    "gcp:serviceaccount/iAMMember:IAMMember": ("serviceAccount", "serviceAccountId"),
    "gcp:projects/iAMMember:IAMMember": ("project", "project"),
}


CUSTOM_ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"


class Denied(Exception):
    """The caller lacks a binding; the message names the role and the resource that it needs."""


class UnknownRole(Exception):
    """The program grants a role that it does not define, and that is not modelled in `ROLES`."""


@dataclass(frozen=True, slots=True)
class Binding:
    """`member` holds `role` on the resource `name` (short) of `kind`; `urn` declares it."""

    member: str
    role: str
    kind: str
    name: str
    urn: str


def bindings(graph: Graph) -> tuple[Binding, ...]:
    """Every binding that the program declares."""
    return tuple(
        Binding(it["member"], it["role"], kind, short_name(it[key]), it.urn)
        for it in graph.resources
        if it.type in _BINDINGS
        for kind, key in (_BINDINGS[it.type],)
    )


def custom_roles(graph: Graph) -> dict[str, frozenset[str]]:
    """The roles that the program itself defines, by full name."""
    return {it["name"]: frozenset(it["permissions"]) for it in graph.all(CUSTOM_ROLE)}


@dataclass(frozen=True, slots=True)
class Policy:
    """The bindings of one graph: (member, kind, name) -> roles. Project roles hold everywhere."""

    project: str
    bindings: Mapping[tuple[str, str, str], frozenset[str]]
    roles: Mapping[str, frozenset[str]] = field(default_factory=lambda: ROLES)

    @classmethod
    def from_graph(cls, graph: Graph) -> "Policy":
        """Collect every binding in `graph`.

        Raises:
            UnknownRole: what a granted role permits is not known, so nothing could be decided.
        """
        roles = {**ROLES, **custom_roles(graph)}
        held: dict[tuple[str, str, str], frozenset[str]] = {}
        for it in bindings(graph):
            if it.role not in roles:
                raise UnknownRole(f"{it.urn}: {it.role} is not in emulators/iam.py")
            triple = (it.member, it.kind, it.name)
            held[triple] = held.get(triple, frozenset()) | {it.role}
        return cls(graph.project, held, roles)

    def allows(self, member: str, permission: str, kind: str, name: str) -> bool:
        """Whether a binding of `member`, or of everyone, gives `permission` on the resource."""
        if member == OPERATOR:
            return True
        held = self._roles(member, kind, name)
        return any(permission in self.roles[role] for role in held)

    def check(self, member: str, permission: str, kind: str, name: str) -> None:
        """As `allows`.

        Raises:
            Denied: no binding gives it; says which role on which resource would.
        """
        if not self.allows(member, permission, kind, name):
            raise Denied(
                f"denied: needs {role_for(permission)} on {kind} {short_name(name)} "
                f"({permission}; caller {member})"
            )

    def _roles(self, member: str, kind: str, name: str) -> Iterable[str]:
        short = short_name(name)
        for who in (member, "allUsers"):
            yield from self.bindings.get((who, kind, short), ())
            yield from self.bindings.get((who, "project", self.project), ())


def short_name(name: str) -> str:
    """`projects/p/topics/track-played` -> `track-played`; short names stay as they are."""
    return name.rsplit("/", 1)[-1]


def role_for(permission: str) -> str:
    """The narrowest modelled role that gives `permission`."""
    fitting = [role for role, permissions in ROLES.items() if permission in permissions]
    return (
        min(fitting, key=lambda role: len(ROLES[role])) if fitting else f"a role with {permission}"
    )


def agents(project_number: str) -> Mapping[str, str]:
    """Google's service agents that the system relies on, as IAM members."""

    def agent(domain: str) -> str:
        return f"serviceAccount:service-{project_number}@{domain}.iam.gserviceaccount.com"

    return {
        "pubsub": agent("gcp-sa-pubsub"),
        "storage": agent("gs-project-accounts"),
        "cdn": agent("cloud-cdn-fill"),
        "eventarc": agent("gcp-sa-eventarc"),
        "scheduler": agent("gcp-sa-cloudscheduler"),
    }


def service_accounts(graph: Graph) -> tuple[Resource, ...]:
    """The service accounts that the program declares."""
    return graph.all("gcp:serviceaccount/account:Account")
