"""Source archives out of the graph, unpacked where a process can run from them."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulators.graph import Graph, Resource


class NoSource(LookupError):
    """A service's image, or a function's source, is not made from an archive in the graph."""


def source_of(graph: Graph, resource: Resource) -> Resource:
    """The archive object that a service, job or function is built from.

    Raises:
        NoSource: the graph does not say.
    """
    if resource.type == "gcp:cloudfunctionsv2/function:Function":
        name = resource["buildConfig"]["source"]["storageSource"]["object"]
    else:
        template = resource["template"]
        containers = template.get("containers") or template["template"]["containers"]
        image = graph.find(
            "pulumi-python:dynamic/segue:ContainerImage", "reference", containers[0]["image"]
        )
        if image is None:
            raise NoSource(f"{resource.urn}: no ContainerImage gives {containers[0]['image']}")
        return object_of(graph, image)
    return _object(graph, name, resource)


def object_of(graph: Graph, image: Resource) -> Resource:
    """The archive object that a container image is built from.

    Raises:
        NoSource: the graph does not have it.
    """
    return _object(graph, image["object"], image)


def _object(graph: Graph, name: str, resource: Resource) -> Resource:
    found = graph.find("gcp:storage/bucketObject:BucketObject", "name", name)
    if found is None:
        raise NoSource(f"{resource.urn}: no object {name}")
    return found


def unpack(archive: Resource, folder: Path) -> Path:
    """The archive's files under `folder`, in a directory named by its content hash; made once."""
    target = folder / Path(archive["name"]).stem
    if target.is_dir():
        return target
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    for name, asset in archive["source"]["files"].items():
        path = part / name
        if not path.resolve().is_relative_to(part.resolve()):
            raise ValueError(f"{archive['name']}: {name} leaves the archive")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(asset_bytes(asset))
    part.replace(target)
    return target


def asset_bytes(asset: Mapping[str, Any]) -> bytes:
    """The content of a file or text asset."""
    if "path" in asset:
        return Path(asset["path"]).read_bytes()
    return asset["text"].encode()
