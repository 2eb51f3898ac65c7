"""What the storage server takes from the evaluated program: buckets, identities, couriers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from emulators.endpoints import Endpoints
from emulators.graph import Graph
from emulators.iam import Policy, agents
from emulators.oidc import Issuer
from emulators.runtime.storage import cors
from emulators.runtime.storage.index import Index
from emulators.runtime.storage.records import Bucket
from emulators.runtime.storage.triggers import Trigger

_BUCKET = "gcp:storage/bucket:Bucket"


def declare_buckets(index: Index, graph: Graph, now_us: int) -> None:
    """Give `index` the buckets of the program; versioning and lifecycle are not modelled.

    Buckets that are no longer declared stay, with their objects, as undeleted data would.
    """
    with index.transaction():
        for resource in graph.all(_BUCKET):
            name = resource["name"]
            old = index.bucket(name)
            declared = Bucket(
                name=name,
                location=str(resource.get("location", graph.region)).upper(),
                created_us=old.created_us if old else now_us,
                metageneration=old.metageneration if old else 1,
                settings={
                    "cors": cors.of_program(_list(resource.get("cors"))),
                    "labels": dict(resource.get("labels") or {}),
                    "storageClass": resource.get("storageClass") or "STANDARD",
                },
            )
            if old and old.settings != declared.settings:
                declared = replace(declared, metageneration=old.metageneration + 1)
            index.put_bucket(declared)


def members(endpoints: Endpoints) -> dict[int, str]:
    """The identity behind each local port."""
    return {ports.storage: member for member, ports in endpoints.callers.items()}


def signing_keys(data_dir: Path) -> Callable[[], Mapping[str, str]]:
    """Reads the service accounts' public keys (PEM by e-mail) whenever an unknown one is met."""
    path = data_dir / "keys" / "service-accounts.json"
    return lambda: json.loads(path.read_text()) if path.exists() else {}


class CloudCourier:
    """Delivers under the program's IAM, as Cloud Storage, Pub/Sub and Eventarc together do."""

    def __init__(self, graph: Graph, policy: Policy, endpoints: Endpoints, issuer: Issuer) -> None:
        self._graph = graph
        self._policy = policy
        self._endpoints = endpoints
        self._issuer = issuer

    def authorize(self, trigger: Trigger) -> str:
        """Raises `emulators.iam.Denied` where one of the three bindings is missing."""
        project = self._graph.project
        storage_agent = agents(self._graph.project_number)["storage"]
        account = f"serviceAccount:{trigger.service_account}"
        check = self._policy.check
        check(storage_agent, "pubsub.topics.publish", "project", project)
        check(account, "eventarc.events.receiveEvent", "project", project)
        check(account, "run.routes.invoke", "service", trigger.function)
        return self._issuer.token(trigger.service_account, trigger.audience)

    def address(self, trigger: Trigger) -> str:
        return f"http://127.0.0.1:{self._endpoints.services[trigger.function]}/"


def _list(value: object) -> list:
    return value if isinstance(value, list) else []
