"""Brings the whole local cloud up from the graph, keeps it up, and takes it down clean."""

import asyncio
import json
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from emulators.archives import asset_bytes
from emulators.dataflow_api import dataflow_routes
from emulators.endpoints import CallerPorts, Endpoints
from emulators.fleet import Fleet, answers
from emulators.graph import Graph
from emulators.iam import OPERATOR, Policy, agents, service_accounts
from emulators.java import firestore_argv, pubsub_argv
from emulators.keys import stack_secrets
from emulators.logs import Logs, ToLogs
from emulators.metadata import metadata_app
from emulators.oidc import Issuer
from emulators.ports import claim, free_ports
from emulators.process import Process, Spec
from emulators.run_api import run_routes
from emulators.runtime import bigquery
from emulators.scheduler import NoJob, Scheduler
from emulators.stack import stack_config
from emulators.tree import ROOT
from emulators.workloads import Platform

STACK = "dev"
DEFAULT_PORT = 8780
READY_TIMEOUT_S = 180.0
HOPELESS_RESTARTS = 6
"""A process that fails this often before it was ever up will not come up."""

BACKENDS_STAGE, PROXIES_STAGE = 0, 1
CHILDREN = ("storage", "firestore", "pubsub", "edge", "mail")


class NotReady(RuntimeError):
    """Something did not come up: names it, and shows the end of its log."""


class PortTaken(RuntimeError):
    """The port asked for is not free."""


@dataclass(slots=True)
class Supervisor:
    """One local cloud on one data directory.

    `say` is told, in a line each, what a person waiting wants to know.
    """

    data_dir: Path
    port: int | None = None
    say: Callable[[str], None] = print
    processes: dict[str, Process] = field(default_factory=dict)
    graph: Graph = field(init=False)
    endpoints: Endpoints = field(init=False)
    policy: Policy = field(init=False)
    fleet: Fleet = field(init=False)
    logs: Logs = field(init=False)
    scheduler: Scheduler = field(init=False)
    _runners: list[web.AppRunner] = field(default_factory=list)
    _background: list[asyncio.Task[None]] = field(default_factory=list)
    operator_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def run_dir(self) -> Path:
        return self.data_dir / "run"

    async def start(self) -> None:
        """Evaluate, start everything side by side, and return when all of it answers.

        Raises:
            PortTaken: nothing can listen on the port that was asked for.
            NotReady: a process did not become healthy in time.
        """
        began = time.monotonic()
        port = self._front_door()
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self.logs = Logs(self.data_dir / "logs")
        logging.basicConfig(handlers=[ToLogs(self.logs)], level=logging.INFO, force=True)
        issuer = Issuer.load(self.data_dir)
        public_url = f"http://127.0.0.1:{port}"
        control, firestore, pubsub, rest, grpc, storage, smtp, *health = free_ports(12)
        control_url = f"http://127.0.0.1:{control}"

        # Google's emulators need no graph: they start while it is evaluated.
        self._java("firestore-emulator", firestore_argv(firestore), firestore)
        self._java("pubsub-emulator", pubsub_argv(pubsub), pubsub)
        project = stack_config(STACK)["gcp:project"]
        command = await asyncio.to_thread(bigquery.prepare, self.data_dir, project, rest, grpc)
        self._bigquery(command, rest)
        edges = edge_ports(stack_config(STACK).get("segue:edges", ""))
        self.graph = await self._evaluate(public_url, control_url, smtp, edges)
        self.policy = Policy.from_graph(self.graph)
        self.say(f"evaluated the program: {len(self.graph.resources)} resources")
        self.endpoints = Endpoints(
            public_url=public_url,
            control_url=control_url,
            storage_public=storage,
            firestore_emulator=firestore,
            pubsub_emulator=pubsub,
            bigquery=rest,
            bigquery_grpc=grpc,
            callers=self._callers(),
            services=self._gates(),
            health=dict(zip(CHILDREN, health, strict=True)),
            edges=edges,
            smtp=smtp,
        )
        self.graph.dump(self.run_dir / "graph.json")
        self.endpoints.dump(self.run_dir / "endpoints.json")
        (self.run_dir / "routing.json").write_text("{}")
        platform = Platform(self.graph, self.policy, self.endpoints, self.data_dir)
        self.fleet = Fleet(platform, self.logs.write, self.run_dir / "routing.json")
        self.scheduler = Scheduler(self.graph, self.endpoints, issuer)
        await self._serve(issuer)
        for name in self.endpoints.health:
            self._child(name)
        self.fleet.start()
        await self._ready()
        await self._fill()
        self.write_state()
        self._background = [
            asyncio.create_task(self.scheduler.run()),
            asyncio.create_task(self._tell_state()),
        ]
        for name, why in self.fleet.refused.items():
            self.say(f"{name} was not started: {why}")
        self.say(f"ready after {time.monotonic() - began:.1f} s")

    async def stop(self) -> None:
        """Stop what runs for users first, Google's emulators last. Leaves no process behind."""
        for task in self._background:
            task.cancel()
        if hasattr(self, "fleet"):
            await self.fleet.stop()
        for stage in (PROXIES_STAGE, BACKENDS_STAGE):
            group = [it for it in self.processes.values() if it.spec.stage == stage]
            await asyncio.gather(*(process.stop() for process in group))
        for runner in self._runners:
            await runner.cleanup()
        if hasattr(self, "logs"):
            self.logs.close()
        (self.run_dir / "state.json").unlink(missing_ok=True)

    def write_state(self) -> None:
        """`run/state.json`: who runs where, for `segue status` and for tests."""
        state = {
            "pid": os.getpid(),
            "host": self.endpoints.public_url,
            "control": self.endpoints.control_url,
            "mail": str(self.data_dir / "mail"),
            "operator_token": self.operator_token,
            "refused": self.fleet.refused,
            "processes": [
                {
                    "name": it.spec.name,
                    "pid": it.pid,
                    "state": it.state,
                    "restarts": it.restarts,
                }
                for it in self._everything()
            ],
        }
        self.write_private("state.json", state)

    async def _tell_state(self) -> None:
        """Keep `state.json` true: pids change when a process is restarted."""
        told: list[tuple[int | None, str]] = []
        while True:
            now = [(it.pid, it.state) for it in self._everything()]
            if now != told:
                self.write_state()
                told = now
            await asyncio.sleep(0.2)

    def _everything(self) -> list[Process]:
        return [*self.processes.values(), *self.fleet.processes()]

    def write_private(self, name: str, value: object) -> None:
        """Put JSON into `run/`, readable by this user only."""
        path = self.run_dir / name
        part = path.with_suffix(".part")
        part.write_text(json.dumps(value, indent=1))
        part.chmod(0o600)
        part.replace(path)

    def bootstrap_secret(self) -> str:
        """The secret of the first client, `operator`."""
        return stack_secrets(self.data_dir)["segue:bootstrapClientSecret"]

    # Evaluating.

    def _front_door(self) -> int:
        """The port asked for; else the usual one, or any while another cloud has that."""
        if self.port is None:
            return DEFAULT_PORT if claim(DEFAULT_PORT) else free_ports(1)[0]
        if not claim(self.port):
            raise PortTaken(f"port {self.port} is in use, or not ours to use: choose another")
        return self.port

    async def _evaluate(
        self, public_url: str, control_url: str, smtp: int, edges: Mapping[str, int]
    ) -> Graph:
        """In a process of its own: the SDK's memory goes when it is done."""
        overlay = {
            **stack_secrets(self.data_dir),
            "segue:publicUrl": public_url,
            "segue:oidcCertsUrl": f"{control_url}/certs",
            "segue:smtpHost": "127.0.0.1",
            "segue:smtpPort": str(smtp),
            "segue:smtpSecurity": "none",
            "segue:runApiEndpoint": control_url,
            "segue:dataflowApiEndpoint": control_url,
            "segue:edgeUrls": " ".join(
                f"{name}=http://127.0.0.1:{port}" for name, port in edges.items()
            ),
        }
        path = self.run_dir / "graph.json"
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "emulators.evaluate", str(path),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        request = json.dumps({"stack": STACK, "overlay": overlay}).encode()
        _, errors = await child.communicate(request)
        if child.returncode != 0:
            raise NotReady(f"the Pulumi program cannot be evaluated: {errors.decode().strip()}")
        return Graph.load(path)

    def _callers(self) -> dict[str, CallerPorts]:
        members = [OPERATOR, *agents(self.graph.project_number).values()]
        members += [f"serviceAccount:{it['email']}" for it in service_accounts(self.graph)]
        ports = iter(free_ports(4 * len(members)))
        return {
            member: CallerPorts(next(ports), next(ports), next(ports), next(ports))
            for member in members
        }

    def _gates(self) -> dict[str, int]:
        names = [
            it["name"]
            for type_ in (
                "gcp:cloudrunv2/service:Service",
                "gcp:cloudfunctionsv2/function:Function",
            )
            for it in self.graph.all(type_)
            if it["location"] == self.graph.region
        ]
        return dict(zip(names, free_ports(len(names)), strict=True))

    # Starting.

    def _java(self, name: str, argv: Sequence[str], port: int) -> None:
        self._start(
            Spec(
                name=name,
                argv=tuple(argv),
                env={**os.environ, "NO_PROXY": "127.0.0.1"},
                cwd=self.data_dir,
                healthy=lambda: answers(f"http://127.0.0.1:{port}/"),
                stage=BACKENDS_STAGE,
            )
        )

    def _bigquery(self, command: bigquery.Command, rest: int) -> None:
        self._start(
            Spec(
                name="bigquery",
                argv=tuple(command.argv),
                env=command.env,
                cwd=self.data_dir,
                healthy=lambda: answers(f"http://127.0.0.1:{rest}/healthz"),
                stage=BACKENDS_STAGE,
            )
        )

    def _child(self, name: str) -> None:
        port = self.endpoints.health[name]
        self._start(
            Spec(
                name=name,
                argv=(
                    sys.executable, "-m", f"emulators.runtime.{name}",
                    "--data", str(self.data_dir),
                ),
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                cwd=ROOT,
                healthy=lambda: answers(f"http://127.0.0.1:{port}/_health"),
                stage=PROXIES_STAGE,
            )
        )  # fmt: skip

    def _start(self, spec: Spec) -> None:
        process = Process(spec, self.logs.write)
        self.processes[spec.name] = process
        process.start()

    async def _ready(self) -> None:
        everything = self._everything()
        deadline = time.monotonic() + READY_TIMEOUT_S
        while late := [it for it in everything if not it.up.is_set()]:
            hopeless = [it for it in late if it.restarts >= HOPELESS_RESTARTS]
            if hopeless or time.monotonic() > deadline:
                name = (hopeless or late)[0].spec.name
                names = ", ".join(sorted(it.spec.name for it in late))
                end = self.logs.tail(name)
                raise NotReady(f"not ready: {names}. The end of {name}.log:\n{end}")
            await asyncio.sleep(0.05)

    async def _serve(self, issuer: Issuer) -> None:
        """The control server, and a metadata server port for each service account."""
        control = web.Application()

        async def certs(_request: web.Request) -> web.Response:
            return web.json_response(issuer.certs())

        control.router.add_get("/certs", certs)
        for api in (run_routes, dataflow_routes):
            control.add_routes(api(self.fleet, self.policy, issuer, self.operator_token))
        control.add_routes(self._operations())
        emails = {
            ports.metadata: member.removeprefix("serviceAccount:")
            for member, ports in self.endpoints.callers.items()
        }
        await self._listen(control, [int(self.endpoints.control_url.rsplit(":", 1)[1])])
        await self._listen(metadata_app(self.graph, issuer, emails), list(emails))

    def _operations(self) -> web.RouteTableDef:
        """What only the person at this machine may do: fire a scheduled job, see the state."""
        routes = web.RouteTableDef()

        def check(request: web.Request) -> None:
            if request.headers.get("Authorization") != f"Bearer {self.operator_token}":
                raise web.HTTPForbidden(text="denied: needs the operator's token")

        @routes.post("/_control/scheduler/{job}:run")
        async def fire(request: web.Request) -> web.Response:
            check(request)
            try:
                status = await self.scheduler.fire(request.match_info["job"])
            except NoJob as error:
                raise web.HTTPNotFound(text=f"no scheduled job {error}") from error
            return web.json_response({"status": status})

        @routes.get("/_control/state")
        async def state(request: web.Request) -> web.Response:
            check(request)
            self.write_state()
            return web.json_response(json.loads((self.run_dir / "state.json").read_text()))

        return routes

    async def _listen(self, app: web.Application, ports: list[int]) -> None:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._runners.append(runner)
        for port in ports:
            await web.TCPSite(runner, "127.0.0.1", port).start()

    async def _fill(self) -> None:
        """What the program declares as content: BigQuery tables, the objects of the page."""
        await asyncio.to_thread(
            bigquery.apply, self.graph, f"http://127.0.0.1:{self.endpoints.bigquery}"
        )
        base = f"http://127.0.0.1:{self.endpoints.callers[OPERATOR].storage}"
        async with aiohttp.ClientSession() as session:
            for item in self.graph.all("gcp:storage/bucketObject:BucketObject"):
                if "files" in item["source"]:
                    continue  # source archives: already unpacked where they run
                await _upload(
                    session,
                    base,
                    item["bucket"],
                    {
                        "name": item["name"],
                        "contentType": item["contentType"],
                        "cacheControl": item["cacheControl"],
                    },
                    asset_bytes(item["source"]),
                )


async def _upload(
    session: aiohttp.ClientSession, base: str, bucket: str, metadata: dict[str, str], data: bytes
) -> None:
    with aiohttp.MultipartWriter("related") as body:
        body.append_json(metadata)
        body.append(data, {"Content-Type": metadata["contentType"]})  # type: ignore[arg-type]
        url = f"{base}/upload/storage/v1/b/{bucket}/o?uploadType=multipart"
        async with session.post(url, data=body) as response:
            if response.status != 200:
                raise NotReady(
                    f"{metadata['name']}: storage answered {response.status}: "
                    f"{(await response.text())[:300]}"
                )


def edge_ports(edges: str) -> dict[str, int]:
    """A port for each audio endpoint that the stack's `segue:edges` names."""
    names = [one.partition("=")[0] for one in edges.split()]
    return dict(zip(names, free_ports(len(names)), strict=True))
