"""What the graph gives to each thing that runs, beside what its code uses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from emulators.archives import asset_bytes, object_of, source_of
from emulators.dataflow_api import specification
from emulators.graph import Graph, Resource
from emulators.verify import bucket_use, dataflow, source
from emulators.workloads import FUNCTION, JOB, SERVICE


@dataclass(frozen=True, slots=True)
class Given:
    """One service, function or job: `env` are plain values, `secrets` names, both by variable."""

    name: str
    kind: str
    member: str
    resource: Resource
    env: Mapping[str, str]
    secrets: Mapping[str, str]
    uses: source.Uses
    bucket_roles: Mapping[str, str]


def workloads(graph: Graph) -> tuple[Given, ...]:
    """Everything that runs, in every region."""
    runs = tuple(
        _given(graph, resource)
        for type_ in (SERVICE, JOB, FUNCTION)
        for resource in graph.all(type_)
    )
    return (*runs, *_pipelines(graph))


def _pipelines(graph: Graph) -> Iterator[Given]:
    """What flex templates are made of; `env` are the parameters that launches give."""
    for name, body in {
        it["launchParameter"]["containerSpecGcsPath"]: it["launchParameter"]
        for it in dataflow.launches(graph).values()
    }.items():
        template = specification(graph, name)
        image = graph.find(
            "pulumi-python:dynamic/segue:ContainerImage", "reference", template["image"]
        )
        if image is None:
            continue
        uses, _ = _read(_texts(object_of(graph, image)))
        env = {key.upper(): value for key, value in body["parameters"].items()}
        member = f"serviceAccount:{body['environment']['serviceAccountEmail']}"
        roles = {it: "roles/storage.objectUser" for it in env if it.endswith("_BUCKET")}
        yield Given(template["metadata"]["name"], "pipeline", member, image, env, {}, uses, roles)


def _given(graph: Graph, resource: Resource) -> Given:
    if resource.type == FUNCTION:
        kind, config = "function", resource["serviceConfig"]
        account, env = config["serviceAccountEmail"], config.get("environmentVariables") or {}
        secrets: dict[str, str] = {}
    else:
        template: Mapping[str, Any] = resource["template"]
        kind = "service"
        if resource.type == JOB:
            kind, template = "job", template["template"]
        account, (container,) = template["serviceAccount"], template["containers"]
        variables = container.get("envs") or []
        env = {it["name"]: it["value"] for it in variables if it.get("value") is not None}
        secrets = {
            it["name"]: it["valueSource"]["secretKeyRef"]["secret"]
            for it in variables
            if it.get("valueSource")
        }
    uses, roles = _read(_texts(source_of(graph, resource)))
    return Given(
        resource["name"], kind, f"serviceAccount:{account}", resource, env, secrets, uses, roles
    )


def _texts(archive: Resource) -> tuple[tuple[str, str], ...]:
    files = archive["source"]["files"].items()
    return tuple((name, asset_bytes(it).decode()) for name, it in files if name.endswith(".py"))


@cache
def _read(files: tuple[tuple[str, str], ...]) -> tuple[source.Uses, Mapping[str, str]]:
    modules = source.reached(dict(files))
    return source.uses(modules), bucket_use.bucket_roles(modules)
