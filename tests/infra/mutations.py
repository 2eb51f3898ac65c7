"""Mistakes planted in captured inputs: every key renamed, every value of another type, every
constant misspelt. One for each place of each resource type; lists count once."""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from emulators.graph import Graph, Resource

KINDS = ("renamed key", "wrong type", "wrong constant")
_FREE = frozenset({"labels", "environmentVariables", "headers", "limits"})
"""Maps whose keys are ours to choose."""
_ASSET = "source"
"""What an object holds: the evaluator's own notation, no keys of the provider."""
_NAMES = frozenset({"name", "location", "value"})
"""Text that may be all capitals and is no constant of the API."""
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mutation:
    """`resource` with one mistake of `kind` at `where`; `urn` names the resource it was made in."""

    kind: str
    where: str
    resource: Resource

    def __str__(self) -> str:
        return f"{self.kind} at {self.where}"


def mutations(graph: Graph) -> Iterator[Mutation]:
    """Every mutation of the provider's resources in `graph`, in a fixed order."""
    seen: set[tuple[str, str]] = set()
    for resource in graph.resources:
        if not resource.type.startswith("gcp:"):
            continue
        for path, value in _places(resource.inputs, ()):
            dotted = ".".join(str(part) for part in path if isinstance(part, str))
            for kind, mutant in _mutants(path, value, resource):
                place = (kind, f"{_short(resource.type)}.{dotted}")
                if place not in seen:
                    seen.add(place)
                    yield Mutation(*place, resource=mutant)


def _short(type_: str) -> str:
    """`gcp:storage/bucket:Bucket` -> `storage.Bucket`."""
    _, module, name = type_.split(":")
    return f"{module.partition('/')[0]}.{name}"


def _places(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if item is None:
                continue
            yield (*path, key), item
            if key not in _FREE and not (key == _ASSET and not path):
                yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _places(item, (*path, at))


def _mutants(path: Path, value: Any, resource: Resource) -> Iterator[tuple[str, Resource]]:
    yield "renamed key", _edited(resource, path, rename=f"{path[-1]}X")
    if not isinstance(value, dict | list):
        wrong = True if isinstance(value, str) else "wrong"
        yield "wrong type", _edited(resource, path, value=wrong)
    if isinstance(value, str) and _CONSTANT.fullmatch(value) and path[-1] not in _NAMES:
        yield "wrong constant", _edited(resource, path, value=f"{value}_X")


def _edited(
    resource: Resource, path: Path, *, rename: str | None = None, value: Any = None
) -> Resource:
    properties: Any = deepcopy(dict(resource.properties))
    holder = properties
    for part in path[:-1]:
        holder = holder[part]
    if rename is None:
        holder[path[-1]] = value
    else:
        holder[rename] = holder.pop(path[-1])
    return replace(resource, properties=properties)


def planted(graph: Graph, mutation: Mutation) -> Graph:
    """`graph` with the mutated resource in place of the sound one."""
    swapped = (
        mutation.resource if it.urn == mutation.resource.urn else it for it in graph.resources
    )
    return replace(graph, resources=tuple(swapped))
