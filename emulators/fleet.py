"""Revisions of services and executions of jobs: processes, traffic and their records."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from emulators.graph import Resource
from emulators.iam import short_name
from emulators.ports import free_ports
from emulators.process import Process, Spec
from emulators.workloads import FUNCTION, JOB, SERVICE, Platform, Workload

SERVICES_STAGE = 3
ROLL_OUT_S = 30.0
"""For a new revision to answer, as the startup probe of the services allows."""


@dataclass(slots=True)
class Revision:
    """One version of a service, on one port."""

    name: str
    service: str
    port: int
    env: Mapping[str, str]
    created_at: datetime
    process: Process


@dataclass(slots=True)
class Target:
    """Its share of a service's traffic, in percent."""

    revision: str
    percent: int
    tag: str | None = None


@dataclass(slots=True)
class Execution:
    """One run of a job. `state` is running, succeeded or failed. `launched`: from a template, as
    a job of Dataflow."""

    name: str
    job: str
    created_at: datetime
    state: str = "running"
    attempts: int = 0
    completed_at: datetime | None = None
    message: str = ""
    launched: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)


class NotDeployed(LookupError):
    """No such service, revision, job or execution."""


class NotReady(RuntimeError):
    """A new revision did not answer; it is gone again, and the traffic is where it was."""


class BadTraffic(ValueError):
    """Traffic targets that do not add up to 100, or name an unknown revision."""


class Fleet:
    """Everything that runs from a source archive."""

    def __init__(
        self, platform: Platform, log: Callable[[str, bytes], None], routing: Path
    ) -> None:
        self.platform, self.log, self.routing = platform, log, routing
        self.revisions: dict[str, list[Revision]] = {}
        self.traffic: dict[str, list[Target]] = {}
        self.executions: dict[str, Execution] = {}
        self.refused: dict[str, str] = {}
        self._running: set[asyncio.Task[None]] = set()
        graph = platform.graph
        # Of a service in several regions, the primary one runs here.
        self.services: dict[str, Resource] = {
            it["name"]: it
            for type_ in (FUNCTION, SERVICE)
            for it in graph.all(type_)
            if it["location"] == graph.region
        }
        self.jobs: dict[str, Resource] = {it["name"]: it for it in graph.all(JOB)}

    def start(self) -> None:
        """Deploy the first revision of everything. What IAM refuses is noted in `refused`."""
        for name in self.services:
            try:
                self.deploy(name)
            except Exception as error:
                # One service that cannot start must not keep the others down; it is shown.
                self.refused[name] = str(error)
                self.log(name, f"not started: {error}".encode())

    def deploy(self, service: str) -> Revision:
        """The first revision of `service`; it gets all the traffic.

        Raises:
            NotDeployed: no such service in the graph.
            Denied: a secret of its environment is refused.
        """
        revision = self._new_revision(service, {})
        self.route(service, [Target(revision.name, 100)])
        return revision

    async def roll_out(self, service: str, env: Mapping[str, str]) -> Revision:
        """A new revision of `service`, `env` over that of the latest; all traffic, once it answers.

        Raises:
            NotDeployed, Denied: as `deploy`.
            NotReady: it does not answer within `ROLL_OUT_S`.
        """
        revision = self._new_revision(service, {**self.revisions[service][-1].env, **env})
        try:
            await asyncio.wait_for(revision.process.up.wait(), ROLL_OUT_S)
        except TimeoutError:
            self.revisions[service].remove(revision)
            await revision.process.stop()
            raise NotReady(f"{revision.name} does not answer") from None
        self.route(service, [Target(revision.name, 100)])
        return revision

    def _new_revision(self, service: str, env: Mapping[str, str]) -> Revision:
        workload = self.platform.workload(self._service(service), env)
        known = self.revisions.setdefault(service, [])
        number = int(known[-1].name.rpartition("-")[2]) + 1 if known else 1
        name = f"{service}-{number:05d}"
        port = free_ports(1)[0]
        process = Process(self._spec(workload, name, port), self.log)
        revision = Revision(name, service, port, env, datetime.now(UTC), process)
        known.append(revision)
        process.start()
        return revision

    def route(self, service: str, targets: list[Target]) -> None:
        """Split the service's traffic.

        Raises:
            BadTraffic: shares do not add up to 100, or a revision does not exist.
        """
        known = {revision.name for revision in self.revisions.get(service, [])}
        unknown = [target.revision for target in targets if target.revision not in known]
        if unknown:
            raise BadTraffic(f"{service} has no revision {unknown[0]}")
        if sum(target.percent for target in targets) != 100:
            raise BadTraffic(f"traffic of {service} must add up to 100 percent")
        self.traffic[service] = targets
        self._write_routing()

    def _write_routing(self) -> None:
        table = {
            service: [
                {
                    "revision": target.revision,
                    "port": self._revision(service, target.revision).port,
                    "percent": target.percent,
                    "tag": target.tag,
                }
                for target in targets
            ]
            for service, targets in self.traffic.items()
        }
        part = self.routing.with_suffix(".part")
        part.write_text(json.dumps(table, indent=1))
        part.replace(self.routing)

    def _spec(self, workload: Workload, name: str, port: int) -> Spec:
        return Spec(
            name=workload.name,
            argv=workload.argv(port),
            env=self.platform.environ(workload, name, port),
            cwd=workload.folder,
            healthy=lambda: answers(f"http://127.0.0.1:{port}/_health", workload.kind),
            stage=SERVICES_STAGE,
        )

    # Jobs.

    def run_job(self, job: str, env: Mapping[str, str]) -> Execution:
        """Start one execution of `job`, `env` overriding its variables.

        Raises:
            NotDeployed: no such job in the graph.
            Denied: a secret of its environment is refused.
        """
        if job not in self.jobs:
            raise NotDeployed(f"job {job}")
        return self._begin(job, self.platform.workload(self.jobs[job], env))

    def launch(
        self, job: str, image: Resource, account: str, parameters: Mapping[str, str]
    ) -> Execution:
        """Start a job of Dataflow: `image`'s program, told `parameters`, as `account`."""
        workload = self.platform.pipeline(job, image, account, parameters)
        return self._begin(job, workload, launched=True)

    def _begin(self, job: str, workload: Workload, launched: bool = False) -> Execution:
        name = f"{job}-{len(self.executions) + 1:05d}"
        execution = Execution(name, job, datetime.now(UTC), launched=launched)
        self.executions[name] = execution
        task = asyncio.create_task(self._execute(execution, workload))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return execution

    async def _execute(self, execution: Execution, workload: Workload) -> None:
        code = 1
        for attempt in range(workload.max_retries + 1):
            execution.attempts = attempt + 1
            try:
                code = await self._attempt(execution, workload)
            except TimeoutError:
                execution.message = f"ran longer than {workload.timeout_s} s"
                continue
            if code == 0:
                break
            execution.message = f"exit code {code}"
        execution.state = "succeeded" if code == 0 else "failed"
        execution.completed_at = datetime.now(UTC)
        execution.done.set()

    async def _attempt(self, execution: Execution, workload: Workload) -> int:
        spec = Spec(
            name=workload.name,
            argv=workload.argv(0),
            env=self.platform.environ(workload, execution.name, None),
            cwd=workload.folder,
            healthy=_never,
        )
        process = Process(spec, self.log)
        async with asyncio.timeout(workload.timeout_s):
            return await process.run_to_end()

    # Stopping, looking up.

    def processes(self) -> list[Process]:
        return [revision.process for each in self.revisions.values() for revision in each]

    async def stop(self) -> None:
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await asyncio.gather(*(process.stop() for process in self.processes()))

    def _service(self, name: str) -> Resource:
        if name not in self.services:
            raise NotDeployed(f"service {name}")
        return self.services[name]

    def _revision(self, service: str, name: str) -> Revision:
        for revision in self.revisions.get(service, []):
            if revision.name == name:
                return revision
        raise NotDeployed(f"revision {name} of {short_name(service)}")


async def _never() -> bool:
    return False


async def answers(url: str, kind: str = "service") -> bool:
    """Whether `url` answers 200; a function has no health path: any answer will do."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
            session.get(url) as response,
        ):
            return kind == "function" or response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
