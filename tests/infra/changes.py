"""A graph with one thing changed, to see that a check notices."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from emulators.graph import Graph, Resource


def changed(
    graph: Graph, type_: str, name: str, change: Callable[[dict[str, Any]], object]
) -> Graph:
    """`graph` after `change` was let loose on the properties of one resource (by program name)."""

    def one(resource: Resource) -> Resource:
        if (resource.type, resource.name) != (type_, name):
            return resource
        properties = deepcopy(dict(resource.properties))
        change(properties)
        return replace(resource, properties=properties)

    assert any((it.type, it.name) == (type_, name) for it in graph.resources), f"no {type_} {name}"
    return replace(graph, resources=tuple(one(it) for it in graph.resources))


def without(graph: Graph, type_: str, name: str) -> Graph:
    """`graph` without one resource (by program name)."""
    kept = tuple(it for it in graph.resources if (it.type, it.name) != (type_, name))
    assert len(kept) == len(graph.resources) - 1, f"no {type_} {name}"
    return replace(graph, resources=kept)


def altered(graph: Graph, type_: str, name: str, **fields: Any) -> Graph:
    """`graph` with other fields of one `Resource`, e.g. `after` or `protected`."""
    return replace(
        graph,
        resources=tuple(
            replace(it, **fields) if (it.type, it.name) == (type_, name) else it
            for it in graph.resources
        ),
    )
