"""Data is hard to delete, code changes are redeployed, everything carries labels."""

import hashlib
from collections.abc import Iterator

from emulators.archives import asset_bytes, source_of
from emulators.graph import Graph, Resource
from emulators.iam import bindings, short_name
from emulators.verify.sdk import accepts
from emulators.workloads import FUNCTION, JOB, SERVICE

_STORES = (
    "gcp:storage/bucket:Bucket",
    "gcp:firestore/database:Database",
    "gcp:bigquery/dataset:Dataset",
)
_IMAGE = "pulumi-python:dynamic/segue:ContainerImage"


def violations(graph: Graph) -> list[str]:
    """What could be lost, stay stale or go unlabelled, each line naming the resource."""
    found = {*_source_names(graph), *_builders(graph), *_labels(graph), *_documents(graph)}
    if graph.stack == "prod":
        found.update(_deletable(graph))
    return sorted(found)


def _deletable(graph: Graph) -> Iterator[str]:
    for type_ in _STORES:
        for it in graph.all(type_):
            if not it.protected:
                yield f"{type_} {it.name}: Pulumi may delete it (protect)"
    for it in graph.all("gcp:storage/bucket:Bucket"):
        if it.get("forceDestroy"):
            yield f"bucket {it['name']}: forceDestroy deletes what it holds"
    for it in graph.all("gcp:bigquery/dataset:Dataset"):
        if it.get("deleteContentsOnDestroy"):
            yield f"dataset {it['datasetId']}: deleteContentsOnDestroy"
    for it in graph.all("gcp:firestore/database:Database"):
        if it.get("deleteProtectionState") != "DELETE_PROTECTION_ENABLED":
            yield f"database {it['name']}: deleteProtectionState"
    for type_ in ("gcp:bigquery/table:Table", SERVICE, JOB):
        for it in graph.all(type_):
            if not it.get("deletionProtection") and not it.get("view"):
                yield f"{type_} {it.name}: deletionProtection"


def _documents(graph: Graph) -> Iterator[str]:
    backed_up = {it["database"] for it in graph.all("gcp:firestore/backupSchedule:BackupSchedule")}
    for it in graph.all("gcp:firestore/database:Database"):
        if it["name"] not in backed_up:
            yield f"database {it['name']}: has no backup"


def content_hash(archive: Resource) -> str:
    """As `infra.packaging.SourceArchive.content_hash`, from what the archive really holds."""
    digest = hashlib.sha256()
    for name, asset in sorted(archive["source"]["files"].items()):
        data = asset_bytes(asset)
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()[:16]


def _source_names(graph: Graph) -> Iterator[str]:
    """Without its content's hash in the name, a changed archive would not be redeployed."""
    for type_ in (SERVICE, JOB, FUNCTION):
        for it in graph.all(type_):
            archive = source_of(graph, it)
            wanted = content_hash(archive)
            if wanted not in archive["name"]:
                yield f"object {archive['name']}: its name lacks its content's hash, {wanted}"
    for it in graph.all(_IMAGE):
        archive = graph.find("gcp:storage/bucketObject:BucketObject", "name", it["object"])
        if archive is not None and not it["image"].endswith(f":{content_hash(archive)}"):
            yield f"image {it['image']}: its tag is not its content's hash"


def _builders(graph: Graph) -> Iterator[str]:
    """Whoever builds an image reads its source and writes to the repository."""
    held = {(it.member, it.role, it.kind, it.name) for it in bindings(graph)}
    for it in graph.all(_IMAGE):
        member = f"serviceAccount:{it['builder']}"
        for role, kind, name in (
            ("roles/storage.objectViewer", "bucket", it["bucket"]),
            ("roles/artifactregistry.writer", "project", graph.project),
            ("roles/logging.logWriter", "project", graph.project),
        ):
            if (member, role, kind, name) not in held:
                yield f"image {short_name(it['image'])}: {member} needs {role} on {kind} {name}"


def _labels(graph: Graph) -> Iterator[str]:
    for it in graph.resources:
        if it.type.startswith("gcp:") and accepts(it.type, "labels"):
            labels = it.get("labels") or {}
            if labels.get("app") != "segue" or labels.get("stack") != graph.stack:
                yield f"{it.type} {it.name}: lacks the labels app and stack"
