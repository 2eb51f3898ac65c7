"""Inputs against Google's own API descriptions: unknown fields, wrong enum values, wrong types.

The descriptions ("discovery documents") come with google-api-python-client, which only tests and
`python -m emulators.verify` need. The provider renames some fields and adds some of its own;
`_ALIASES` says which.
"""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from emulators.graph import Graph, Resource

# Pulumi type -> (API, its schema).
SCHEMAS = {
    "gcp:artifactregistry/repository:Repository": ("artifactregistry.v1", "Repository"),
    "gcp:bigquery/dataset:Dataset": ("bigquery.v2", "Dataset"),
    "gcp:bigquery/table:Table": ("bigquery.v2", "Table"),
    "gcp:cloudfunctionsv2/function:Function": ("cloudfunctions.v2", "Function"),
    "gcp:cloudrunv2/job:Job": ("run.v2", "GoogleCloudRunV2Job"),
    "gcp:cloudrunv2/service:Service": ("run.v2", "GoogleCloudRunV2Service"),
    "gcp:cloudscheduler/job:Job": ("cloudscheduler.v1", "Job"),
    "gcp:compute/backendBucket:BackendBucket": ("compute.v1", "BackendBucket"),
    "gcp:compute/backendBucketSignedUrlKey:BackendBucketSignedUrlKey": (
        "compute.v1",
        "SignedUrlKey",
    ),
    "gcp:compute/backendService:BackendService": ("compute.v1", "BackendService"),
    "gcp:compute/globalAddress:GlobalAddress": ("compute.v1", "Address"),
    "gcp:compute/globalForwardingRule:GlobalForwardingRule": ("compute.v1", "ForwardingRule"),
    "gcp:compute/managedSslCertificate:ManagedSslCertificate": ("compute.v1", "SslCertificate"),
    "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup": (
        "compute.v1",
        "NetworkEndpointGroup",
    ),
    "gcp:compute/securityPolicy:SecurityPolicy": ("compute.v1", "SecurityPolicy"),
    "gcp:compute/targetHttpProxy:TargetHttpProxy": ("compute.v1", "TargetHttpProxy"),
    "gcp:compute/targetHttpsProxy:TargetHttpsProxy": ("compute.v1", "TargetHttpsProxy"),
    "gcp:compute/uRLMap:URLMap": ("compute.v1", "UrlMap"),
    "gcp:firestore/backupSchedule:BackupSchedule": (
        "firestore.v1",
        "GoogleFirestoreAdminV1BackupSchedule",
    ),
    "gcp:firestore/database:Database": ("firestore.v1", "GoogleFirestoreAdminV1Database"),
    "gcp:firestore/field:Field": ("firestore.v1", "GoogleFirestoreAdminV1Field"),
    "gcp:firestore/index:Index": ("firestore.v1", "GoogleFirestoreAdminV1Index"),
    "gcp:pubsub/schema:Schema": ("pubsub.v1", "Schema"),
    "gcp:pubsub/subscription:Subscription": ("pubsub.v1", "Subscription"),
    "gcp:pubsub/topic:Topic": ("pubsub.v1", "Topic"),
    "gcp:secretmanager/secret:Secret": ("secretmanager.v1", "Secret"),
    "gcp:serviceaccount/account:Account": ("iam.v1", "ServiceAccount"),
    "gcp:storage/bucket:Bucket": ("storage.v1", "Bucket"),
    "gcp:storage/bucketObject:BucketObject": ("storage.v1", "Object"),
}

_PATH = frozenset({"project", "location", "region", "database", "collection", "field"})
"""Parts of a resource's own path, not of its body."""

# (schema, the provider's name) -> the API's, dotted where it is nested; None: the provider's own,
# or part of the resource's path.
_ALIASES: Mapping[tuple[str, str], str | None] = {
    ("BackendBucketCdnPolicy", "negativeCachingPolicies"): "negativeCachingPolicy",
    ("Bucket", "forceDestroy"): None,
    ("Bucket", "lifecycleRules"): "lifecycle.rule",
    ("Bucket", "publicAccessPrevention"): "iamConfiguration.publicAccessPrevention",
    ("Bucket", "uniformBucketLevelAccess"): "iamConfiguration.uniformBucketLevelAccess.enabled",
    ("Bucket.cors", "methods"): "method",
    ("Bucket.cors", "origins"): "origin",
    ("Bucket.cors", "responseHeaders"): "responseHeader",
    ("Dataset", "datasetId"): "datasetReference.datasetId",
    ("Dataset", "deleteContentsOnDestroy"): None,
    ("ForwardingRule", "ipAddress"): "IPAddress",
    ("GoogleCloudRunV2Job", "deletionProtection"): None,
    ("GoogleCloudRunV2Service", "deletionProtection"): None,
    ("Object", "source"): None,
    ("Replication", "auto"): "automatic",
    ("Repository", "repositoryId"): None,
    ("Secret", "secretId"): None,
    ("ServiceAccount", "accountId"): None,
    ("SignedUrlKey", "backendBucket"): None,
    ("SignedUrlKey", "name"): "keyName",
    ("Table", "clusterings"): "clustering.fields",
    ("Table", "datasetId"): "tableReference.datasetId",
    ("Table", "deletionProtection"): None,
    ("Table", "schema"): "schema.fields",
    ("Table", "tableId"): "tableReference.tableId",
}
_JSON = frozenset({("Table", "schema")})
"""Given as JSON in a string."""


def violations(graph: Graph) -> list[str]:
    """Each line: URN, path of the value, what is wrong with it."""
    return [line for it in graph.resources for line in check(it)]


def check(resource: Resource) -> list[str]:
    """As `violations`, for one resource. Types that are not in `SCHEMAS` pass."""
    if resource.type not in SCHEMAS:
        return []
    api, name = SCHEMAS[resource.type]
    body = {k: it for k, it in resource.inputs.items() if it is not None and k not in _PATH}
    return [f"{resource.urn}: {it}" for it in _Walk(api).object(body, name, _schema(api, name), "")]


def problems(api: str, schema: str, body: Mapping[str, Any]) -> list[str]:
    """What is wrong with a request's `body` by `schema` of `api` ("dataflow.v1b3")."""
    return list(_Walk(api).object(body, schema, _schema(api, schema), ""))


@cache
def _schemas(api: str) -> Mapping[str, Any]:
    spec = importlib.util.find_spec("googleapiclient")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("needs google-api-python-client: requirements-dev.txt")
    documents = Path(spec.origin).parent / "discovery_cache" / "documents"
    return json.loads((documents / f"{api}.json").read_text())["schemas"]


def _schema(api: str, name: str) -> Mapping[str, Any]:
    return _schemas(api)[name]


@dataclass(frozen=True, slots=True)
class _Walk:
    """Goes through a value and the schema of one API side by side."""

    api: str

    def object(
        self, value: Mapping[str, Any], name: str, schema: Mapping[str, Any], path: str
    ) -> Iterator[str]:
        for key, item in value.items():
            if item is None:
                continue
            where = f"{path}.{key}".lstrip(".")
            known = _ALIASES.get((name, key), key)
            if known is None:
                continue
            found = self._property(schema, known)
            if found is None:
                yield f"{where} is not in {name} ({self.api})"
            elif (name, key) in _JSON and isinstance(item, str):
                yield from self.value(json.loads(item), found, f"{name}.{key}", where)
            else:
                yield from self.value(item, found, f"{name}.{key}", where)

    def _property(self, schema: Mapping[str, Any], dotted: str) -> Mapping[str, Any] | None:
        """The schema of a property; the provider puts lists in the plural, the API may not."""
        for part in dotted.split("."):
            if "$ref" in schema:
                schema = _schema(self.api, schema["$ref"])
            properties = schema.get("properties", {})
            known = part if part in properties else part.removesuffix("s")
            if known not in properties:
                return None
            schema = properties[known]
        return schema

    def value(self, value: Any, schema: Mapping[str, Any], name: str, path: str) -> Iterator[str]:
        if schema.get("type") == "array":
            # The provider flattens lists that never hold more than one.
            for at, each in enumerate(value if isinstance(value, list) else [value]):
                yield from self.value(each, schema["items"], name, f"{path}[{at}]")
            return
        if "$ref" in schema:
            name = schema["$ref"]
            schema = _schema(self.api, name)
        if "properties" in schema or schema.get("type") == "object":
            if not isinstance(value, dict):
                yield f"{path} is {value!r:.60}, not {name}"
            elif "additionalProperties" in schema:
                for key, each in value.items():
                    inner = schema["additionalProperties"]
                    yield from self.value(each, inner, name, f"{path}.{key}")
            else:
                yield from self.object(value, name, schema, path)
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{path} is {value!r:.60}, not one of {', '.join(schema['enum'])}"
        elif not _fits(value, schema):
            yield f"{path} is {value!r:.60}, not {schema.get('type')}"


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    if isinstance(value, bool) or kind == "boolean":
        return isinstance(value, bool) and kind == "boolean"
    if kind == "integer":
        return isinstance(value, int)
    if kind == "number":
        return isinstance(value, int | float)
    if kind == "string":  # JSON has no 64-bit integers, so Google writes them as strings
        number = isinstance(value, int) and "int64" in schema.get("format", "")
        return isinstance(value, str) or number
    return True
