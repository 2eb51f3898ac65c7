"""The resolved resource graph: what the Pulumi program declares, as plain values."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Resource:
    """One declared resource.

    `type` is Pulumi's token ("gcp:storage/bucket:Bucket"), `name` the name in the program,
    `properties` the inputs and the computed outputs, resolved, in camelCase; secrets are plain.
    `computed` names those that are outputs; `after` are the URNs that it waits for; `protected`
    says whether Pulumi refuses to delete it.
    """

    urn: str
    type: str
    name: str
    properties: Mapping[str, Any]
    computed: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    protected: bool = False

    @property
    def inputs(self) -> dict[str, Any]:
        """What the program said, without what the provider computes."""
        return {key: it for key, it in self.properties.items() if key not in self.computed}

    def __getitem__(self, key: str) -> Any:
        return self.properties[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self.properties.get(key, default)


@dataclass(frozen=True, slots=True)
class Graph:
    """Every resource of one stack, sorted by URN. `secrets`: property paths marked secret."""

    stack: str
    project: str
    project_number: str
    region: str
    resources: tuple[Resource, ...]
    secrets: tuple[str, ...] = ()

    def all(self, type: str) -> tuple[Resource, ...]:
        """The resources of one type, e.g. `gcp:pubsub/topic:Topic`."""
        return tuple(resource for resource in self.resources if resource.type == type)

    def find(self, type: str, key: str, value: Any) -> Resource | None:
        """The first resource of `type` whose property `key` equals `value`."""
        return next((r for r in self.all(type) if r.properties.get(key) == value), None)

    def dump(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1, sort_keys=True))
        path.chmod(0o600)  # it holds the stack's secrets

    @classmethod
    def load(cls, path: Path) -> "Graph":
        raw = json.loads(path.read_text())
        raw["resources"] = tuple(_resource(it) for it in raw["resources"])
        raw["secrets"] = tuple(raw["secrets"])
        return cls(**raw)


def _resource(raw: dict[str, Any]) -> Resource:
    lists = {key: tuple(raw[key]) for key in ("computed", "after")}
    return Resource(**{**raw, **lists})
