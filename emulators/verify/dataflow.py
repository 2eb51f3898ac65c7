"""Flex templates and their launches against Dataflow's API description, and against each other."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from emulators.archives import asset_bytes
from emulators.graph import Graph
from emulators.verify import discovery

_LAUNCH = "flexTemplates:launch"


def violations(graph: Graph) -> list[str]:
    """Each line: which template or schedule, and what is wrong with it."""
    templates = dict(_templates(graph))
    found = [
        f"template {path}: {it}"
        for path, body in templates.items()
        for it in discovery.problems("dataflow.v1b3", "ContainerSpec", body)
    ]
    for name, body in launches(graph).items():
        found += [
            f"schedule {name}: {it}"
            for it in discovery.problems("dataflow.v1b3", "LaunchFlexTemplateRequest", body)
        ]
        found += [f"schedule {name}: {it}" for it in _agreement(body, templates)]
    return found


def _templates(graph: Graph) -> Iterator[tuple[str, dict[str, Any]]]:
    for it in graph.all("gcp:storage/bucketObject:BucketObject"):
        if it["name"].startswith("templates/"):
            yield f"gs://{it['bucket']}/{it['name']}", json.loads(asset_bytes(it["source"]))


def launches(graph: Graph) -> dict[str, dict[str, Any]]:
    """What each schedule that launches a template posts, by its name."""
    return {
        it["name"]: json.loads(base64.b64decode(it["httpTarget"]["body"]))
        for it in graph.all("gcp:cloudscheduler/job:Job")
        if it["httpTarget"]["uri"].endswith(_LAUNCH)
    }


def _agreement(body: dict[str, Any], templates: dict[str, dict[str, Any]]) -> Iterator[str]:
    asked = body["launchParameter"]
    template = templates.get(asked["containerSpecGcsPath"])
    if template is None:
        yield f"launches {asked['containerSpecGcsPath']}, which is not there"
        return
    known = {it["name"]: it for it in template["metadata"]["parameters"]}
    given = asked["parameters"]
    for name in sorted(given.keys() - known.keys()):
        yield f"gives {name}, which the template does not take"
    for name, it in known.items():
        if not it["isOptional"] and name not in given:
            yield f"leaves out {name}"
    if asked["environment"]["sdkContainerImage"] != template["image"]:
        yield "its workers run another image than its launcher"
