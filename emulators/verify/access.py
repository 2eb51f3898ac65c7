"""Who may do what: nothing is public that need not be, and no role is wider than its use."""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from emulators.graph import Graph
from emulators.iam import ROLES, agents, bindings, custom_roles, service_accounts
from emulators.verify.workloads import workloads
from emulators.workloads import SERVICE

_EVERYONE = frozenset({"allUsers", "allAuthenticatedUsers"})
_PUBLIC_BUCKETS = frozenset({"images", "web"})
_SECRET_NAME = re.compile(r"SECRET|PASSWORD|TOKEN|PRIVATE|(?:SIGNING|API)_KEY")
_SECRET_PROPERTIES = frozenset(
    {
        ("gcp:secretmanager/secretVersion:SecretVersion", "secretData"),
        ("gcp:compute/backendBucketSignedUrlKey:BackendBucketSignedUrlKey", "keyValue"),
    }
)
# The one secret that a policy's rules have to name. Whoever may read them could be counted less,
# and do nothing else with it (`shared.inward`).
_MARK = "service-key"
_MARKED = frozenset({("gcp:compute/securityPolicy:SecurityPolicy", "rules")})
# Roles that have no narrower place than the project. Everything else is bound to one resource.
_PROJECT_ROLES = frozenset(
    {
        "roles/artifactregistry.writer",
        "roles/bigquery.jobUser",
        "roles/dataflow.developer",
        "roles/dataflow.worker",
        "roles/datastore.user",
        "roles/eventarc.eventReceiver",
        "roles/logging.logWriter",
    }
)


# What roles of the program's own may permit on the whole project: a subscription that is made
# while running has no narrower place that exists beforehand.
_PROJECT_PERMISSIONS = frozenset(
    {
        "pubsub.subscriptions.consume",
        "pubsub.subscriptions.create",
        "pubsub.subscriptions.delete",
    }
)


def violations(graph: Graph) -> list[str]:
    """What is too open, each line naming the resource or account."""
    return sorted(
        {
            *_public(graph),
            *_roles(graph),
            *_accounts(graph),
            *_plain_secrets(graph),
            *_signing_keys(graph),
        }
    )


def _public(graph: Graph) -> Iterator[str]:
    public = {
        it["name"] for it in graph.all("gcp:storage/bucket:Bucket") if it.name in _PUBLIC_BUCKETS
    }
    for it in graph.all("gcp:storage/bucket:Bucket"):
        if it.get("uniformBucketLevelAccess") is not True:
            yield f"bucket {it['name']}: object ACLs are on (uniformBucketLevelAccess)"
        if it["name"] not in public and it.get("publicAccessPrevention") != "enforced":
            yield f"bucket {it['name']}: publicAccessPrevention is not enforced"
    for it in bindings(graph):
        if it.member not in _EVERYONE:
            continue
        on_page = it.kind == "bucket" and it.name in public
        if not (on_page and it.role == "roles/storage.objectViewer") and it.kind != "service":
            yield f"{it.kind} {it.name}: {it.role} is public"
    # Cloud Run checks no identity behind the load balancer, so nothing else may reach it.
    for it in graph.all(SERVICE):
        if it.get("ingress") != "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER":
            yield f"service {it['name']}: ingress {it.get('ingress')!r} goes past Armor"
    for it in graph.all("gcp:cloudfunctionsv2/function:Function"):
        if it["serviceConfig"].get("ingressSettings") != "ALLOW_INTERNAL_ONLY":
            yield f"function {it['name']}: its ingress is not internal"


def _roles(graph: Graph) -> Iterator[str]:
    own = custom_roles(graph)
    for name, permissions in own.items():
        for permission in sorted(permissions - _PROJECT_PERMISSIONS):
            yield f"{name}: {permission} on the whole project"
    for it in bindings(graph):
        if it.role not in ROLES and it.role not in own:
            yield f"{it.kind} {it.name}: {it.role} is not modelled in emulators/iam.py"
        if it.role in ("roles/owner", "roles/editor", "roles/viewer"):
            yield f"{it.member}: {it.role} is a basic role"
        agent_publishes = (
            it.role == "roles/pubsub.publisher"
            and it.member == agents(graph.project_number)["storage"]
        )  # Eventarc makes the topic of a storage trigger, so it can't be bound to it
        narrow = it.role in _PROJECT_ROLES or it.role in own
        if it.kind == "project" and not narrow and not agent_publishes:
            yield f"{it.member}: {it.role} on the whole project"


def _accounts(graph: Graph) -> Iterator[str]:
    declared = {it["member"]: it for it in service_accounts(graph)}
    used_by: dict[str, set[str]] = {}
    for it in workloads(graph):
        used_by.setdefault(it.member, set()).add(it.name)
        if it.member not in declared:
            yield f"{it.name}: runs as {it.member}, which the program does not declare"
    for member, names in used_by.items():
        if len(names) > 1:
            yield f"{member}: shared by {', '.join(sorted(names))}"
    for it in declared.values():
        if not re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", it["accountId"]):
            yield f"service account {it['accountId']}: 6 to 30 of a-z, 0-9 and -"
    mentioned = Counter(
        email for r in graph.resources for text in _texts(r.inputs) for email in _emails(text)
    )
    for it in declared.values():
        if not mentioned[it["email"]]:
            yield f"service account {it['accountId']}: nothing uses it"
    known = {*declared, *agents(graph.project_number).values(), *_EVERYONE}
    for it in bindings(graph):
        if it.member not in known:
            yield f"{it.kind} {it.name}: {it.role} is given to a stranger, {it.member}"


def _plain_secrets(graph: Graph) -> Iterator[str]:
    values: dict[str, str] = {}
    by_urn = {it.urn: it for it in graph.resources}
    for path in graph.secrets:
        urn, _, key = path.partition("#")
        resource = by_urn[urn]
        if (resource.type, re.split(r"[.\[]", key)[0]) not in _SECRET_PROPERTIES | _MARKED:
            yield f"{resource.type} {resource.name}: {key} holds a secret"
        elif (resource.type, key) in _SECRET_PROPERTIES and isinstance(resource[key], str):
            values[resource[key]] = resource.name
    for it in graph.resources:
        for key, value in it.inputs.items():
            if (it.type, key) in _SECRET_PROPERTIES:
                continue
            shown = {
                name for secret, name in values.items() for text in _texts(value) if secret in text
            }
            if shown - ({_MARK} if (it.type, key) in _MARKED else set()):
                yield f"{it.type} {it.name}: {key} shows a secret in plain"
    for it in workloads(graph):
        for variable in it.env:
            if _SECRET_NAME.search(variable):
                yield f"{it.name}: env {variable} is plain; make it a secret"
    versions = {it["secret"] for it in graph.all("gcp:secretmanager/secretVersion:SecretVersion")}
    for it in graph.all("gcp:secretmanager/secret:Secret"):
        if it["id"] not in versions:
            yield f"secret {it['secretId']}: has no version"


def _signing_keys(graph: Graph) -> Iterator[str]:
    """Cloud CDN wants 128 bits, base64url.

    Source: https://cloud.google.com/cdn/docs/using-signed-urls#configuring_signed_request_keys
    """
    for it in graph.all("gcp:compute/backendBucketSignedUrlKey:BackendBucketSignedUrlKey"):
        try:
            key = base64.b64decode(it["keyValue"].translate({45: 43, 95: 47}), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != 16:
            yield f"signing key {it['name']}: not 16 bytes in base64url"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _emails(text: str) -> list[str]:
    return re.findall(r"[\w.-]+@[\w.-]+\.iam\.gserviceaccount\.com", text)
