"""Services, functions and jobs of the graph as processes: their environment and command."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.archives import object_of, source_of, unpack
from emulators.endpoints import Endpoints
from emulators.graph import Graph, Resource
from emulators.iam import Policy, short_name

SERVICE = "gcp:cloudrunv2/service:Service"
JOB = "gcp:cloudrunv2/job:Job"
FUNCTION = "gcp:cloudfunctionsv2/function:Function"
PIPELINE_TIMEOUT_S = 24 * 3600
"""Dataflow has no limit; one that hangs here is noticed within a day."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What Cloud Run would run: one container of a service, function or job; or what launches a
    pipeline, which then runs in the same process."""

    name: str
    kind: str
    account: str
    env: Mapping[str, str]
    folder: Path
    entry_point: str | None
    timeout_s: int
    max_retries: int
    args: tuple[str, ...] = ()

    def argv(self, port: int) -> tuple[str, ...]:
        """The command, as the image's (`infra.packaging.DOCKERFILE`) or the buildpack's is."""
        if self.kind == "function":
            assert self.entry_point is not None
            return (
                sys.executable, "-m", "functions_framework",
                "--target", self.entry_point, "--source", "main.py",
                "--signature-type", "cloudevent", "--host", "127.0.0.1", "--port", str(port),
            )  # fmt: skip
        return (sys.executable, "main.py", *self.args)


@dataclass(frozen=True, slots=True)
class Platform:
    """What surrounds the processes on this machine."""

    graph: Graph
    policy: Policy
    endpoints: Endpoints
    data_dir: Path

    def workload(self, resource: Resource, env: Mapping[str, str] | None = None) -> Workload:
        """The workload of a service, job or function; `env` overrides single variables.

        Raises:
            Denied: its account may not read a secret that its environment names.
            NoSource: the graph does not say what it is built from.
        """
        folder = unpack(source_of(self.graph, resource), self.data_dir / "archives")
        if resource.type == FUNCTION:
            config = resource["serviceConfig"]
            return Workload(
                name=resource["name"],
                kind="function",
                account=config["serviceAccountEmail"],
                env={**config.get("environmentVariables", {}), **(env or {})},
                folder=folder,
                entry_point=resource["buildConfig"]["entryPoint"],
                timeout_s=config["timeoutSeconds"],
                max_retries=0,
            )
        template = resource["template"]
        if resource.type == JOB:
            template = template["template"]
        account = template["serviceAccount"]
        return Workload(
            name=resource["name"],
            kind="service" if resource.type == SERVICE else "job",
            account=account,
            env={**self._environment(account, template["containers"][0]), **(env or {})},
            folder=folder,
            entry_point=None,
            timeout_s=int(template["timeout"].removesuffix("s")),
            max_retries=template.get("maxRetries", 0),
        )

    def pipeline(
        self, name: str, image: Resource, account: str, parameters: Mapping[str, str]
    ) -> Workload:
        """What launches a flex template's pipeline: its image's program, told `parameters`."""
        return Workload(
            name=name,
            kind="job",
            account=account,
            env={},
            folder=unpack(object_of(self.graph, image), self.data_dir / "archives"),
            entry_point=None,
            timeout_s=PIPELINE_TIMEOUT_S,
            max_retries=0,
            args=tuple(f"--{key}={value}" for key, value in sorted(parameters.items())),
        )

    def _environment(self, account: str, container: Mapping[str, Any]) -> dict[str, str]:
        values: dict[str, str] = {}
        for variable in container.get("envs", []):
            reference = (variable.get("valueSource") or {}).get("secretKeyRef")
            if reference is None:
                values[variable["name"]] = variable["value"]
            else:
                values[variable["name"]] = self._secret(account, reference["secret"])
        return values

    def _secret(self, account: str, secret: str) -> str:
        self.policy.check(
            f"serviceAccount:{account}", "secretmanager.versions.access", "secret", secret
        )
        for version in self.graph.all("gcp:secretmanager/secretVersion:SecretVersion"):
            if short_name(version["secret"]) == secret:
                return version["secretData"]
        raise LookupError(f"secret {secret} has no version")

    def environ(self, workload: Workload, revision: str, port: int | None) -> dict[str, str]:
        """The whole environment of the process: its own, and what the platform gives everyone.

        The second part are names that Google's client libraries define for emulators and for the
        metadata server; nothing of the surrounding shell is passed on but the search path.
        """
        ports = self.endpoints.callers[f"serviceAccount:{workload.account}"]
        home = self.data_dir / "home" / workload.name
        home.mkdir(parents=True, exist_ok=True)
        metadata = f"127.0.0.1:{ports.metadata}"
        environ = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "CLOUDSDK_CONFIG": str(home),  # never the developer's own credentials
            "GCE_METADATA_HOST": metadata,
            "GCE_METADATA_ROOT": metadata,
            "GCE_METADATA_IP": metadata,
            "FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{ports.firestore}",
            "PUBSUB_EMULATOR_HOST": f"127.0.0.1:{ports.pubsub}",
            "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{ports.storage}",
            "BIGQUERY_EMULATOR_HOST": f"http://127.0.0.1:{self.endpoints.bigquery}",
        }
        if workload.kind == "job":
            environ["CLOUD_RUN_JOB"] = workload.name
            environ["CLOUD_RUN_EXECUTION"] = revision
        else:
            environ["K_SERVICE"] = workload.name
            environ["K_CONFIGURATION"] = workload.name
            environ["K_REVISION"] = revision
            environ["HOST"] = "127.0.0.1"
            environ["PORT"] = str(port)
        return {**environ, **workload.env}
