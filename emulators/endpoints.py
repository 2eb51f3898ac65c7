"""Where everything listens in this run: chosen by the supervisor, read by every child process."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CallerPorts:
    """The loopback ports that stand for one identity. Who calls is known by the port called."""

    storage: int
    firestore: int
    pubsub: int
    metadata: int


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Ports are on 127.0.0.1. `services` are gates: what a service's `uri` means here."""

    public_url: str
    control_url: str
    storage_public: int
    firestore_emulator: int
    pubsub_emulator: int
    bigquery: int
    bigquery_grpc: int
    callers: Mapping[str, CallerPorts] = field(default_factory=dict)
    services: Mapping[str, int] = field(default_factory=dict)
    health: Mapping[str, int] = field(default_factory=dict)
    edges: Mapping[str, int] = field(default_factory=dict)
    """Audio endpoints besides the front door, by the names of the stack's configuration."""
    smtp: int = 0
    """The relay that mail goes to."""

    def dump(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1, sort_keys=True))

    @classmethod
    def load(cls, path: Path) -> "Endpoints":
        raw = json.loads(path.read_text())
        raw["callers"] = {who: CallerPorts(**ports) for who, ports in raw["callers"].items()}
        return cls(**raw)

    def local(self, url: str) -> str:
        """What a `https://NAME-NUMBER.REGION.run.app/path` of the graph means on this machine.

        Raises:
            KeyError: no service of that name exists.
        """
        scheme, _, rest = url.partition("://")
        host, slash, path = rest.partition("/")
        if scheme != "https" or not host.endswith(".run.app"):
            return url
        name = host.removesuffix(".run.app").partition(".")[0].rpartition("-")[0]
        return f"http://127.0.0.1:{self.services[name]}{slash}{path}"
