"""The slice of the Cloud Run Admin API (v2, REST) that Segue uses: jobs, executions, services,
revisions and traffic. google-cloud-run's own clients talk to it over `transport="rest"`.

Source: https://cloud.google.com/run/docs/reference/rest/v2
"""

import json
from datetime import datetime
from typing import Any

from aiohttp import web

from emulators.callers import Callers, problem
from emulators.fleet import (
    BadTraffic,
    Execution,
    Fleet,
    NotDeployed,
    NotReady,
    Revision,
    Target,
)
from emulators.iam import Denied, Policy, short_name
from emulators.oidc import Issuer

_LATEST = ("TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", 1)
"""Google's REST clients send enums as numbers."""
_PARENT = "/v2/projects/{project}/locations/{location}"


def run_routes(
    fleet: Fleet, policy: Policy, issuer: Issuer, operator_token: str
) -> web.RouteTableDef:
    """Routes for a control server. Callers show an access token of the metadata server, or the
    operator's own."""
    routes = web.RouteTableDef()

    allow = Callers(policy, issuer, operator_token).allow

    def parent(request: web.Request) -> str:
        return (
            f"projects/{request.match_info['project']}/locations/{request.match_info['location']}"
        )

    @routes.post(_PARENT + "/jobs/{job}:run")
    async def run_job(request: web.Request) -> web.Response:
        job = request.match_info["job"]
        body = json.loads(await request.read() or b"{}")
        overrides = body.get("overrides") or {}
        allow(request, "run.jobs.run", "job", job)
        if overrides:
            allow(request, "run.jobs.runWithOverrides", "job", job)
        env = {
            variable["name"]: variable.get("value", "")
            for container in overrides.get("containerOverrides", [])
            for variable in container.get("env", [])
        }
        try:
            execution = fleet.run_job(job, env)
        except NotDeployed as error:
            raise problem(404, "NOT_FOUND", str(error)) from error
        except Denied as error:
            raise problem(403, "PERMISSION_DENIED", str(error)) from error
        return web.json_response(_operation(parent(request), execution))

    @routes.get(_PARENT + "/operations/{name}")
    async def operation(request: web.Request) -> web.Response:
        execution = _execution(fleet, request.match_info["name"])
        allow(request, "run.jobs.run", "job", execution.job)
        return web.json_response(_operation(parent(request), execution))

    @routes.get(_PARENT + "/jobs/{job}/executions")
    async def executions(request: web.Request) -> web.Response:
        job = request.match_info["job"]
        allow(request, "run.jobs.run", "job", job)
        found = [it for it in fleet.executions.values() if it.job == job]
        return web.json_response(
            {"executions": [_execution_view(parent(request), it) for it in found]}
        )

    @routes.get(_PARENT + "/jobs/{job}/executions/{name}")
    async def execution(request: web.Request) -> web.Response:
        found = _execution(fleet, request.match_info["name"])
        allow(request, "run.jobs.run", "job", found.job)
        return web.json_response(_execution_view(parent(request), found))

    @routes.get(_PARENT + "/services")
    async def services(request: web.Request) -> web.Response:
        allow(request, "run.services.list", "project", policy.project)
        return web.json_response(
            {"services": [_service_view(fleet, parent(request), name) for name in fleet.services]}
        )

    @routes.get(_PARENT + "/services/{service}")
    async def service(request: web.Request) -> web.Response:
        name = request.match_info["service"]
        allow(request, "run.services.get", "service", name)
        return web.json_response(_service_view(fleet, parent(request), _known(fleet, name)))

    @routes.patch(_PARENT + "/services/{service}")
    async def update(request: web.Request) -> web.Response:
        name = _known(fleet, request.match_info["service"])
        allow(request, "run.services.update", "service", name)
        body = json.loads(await request.read() or b"{}")
        containers = (body.get("template") or {}).get("containers") or []
        changed = {
            it["name"]: it.get("value", "")
            for container in containers
            for it in container.get("env", [])
            if "valueSource" not in it
        }
        try:
            if changed:
                await fleet.roll_out(name, changed)
            if body.get("traffic"):
                fleet.route(name, [_target(fleet, name, it) for it in body["traffic"]])
        except BadTraffic as error:
            raise problem(400, "INVALID_ARGUMENT", str(error)) from error
        except NotReady as error:
            raise problem(400, "FAILED_PRECONDITION", str(error)) from error
        except Denied as error:
            raise problem(403, "PERMISSION_DENIED", str(error)) from error
        where = parent(request)
        return web.json_response(
            {
                "name": f"{where}/operations/update-{name}",
                "done": True,
                "response": {
                    "@type": "type.googleapis.com/google.cloud.run.v2.Service",
                    **_service_view(fleet, where, name),
                },
            }
        )

    @routes.get(_PARENT + "/services/{service}/revisions")
    async def revisions(request: web.Request) -> web.Response:
        name = _known(fleet, request.match_info["service"])
        allow(request, "run.revisions.list", "service", name)
        return web.json_response(
            {"revisions": [_revision_view(parent(request), it) for it in fleet.revisions[name]]}
        )

    return routes


def _known(fleet: Fleet, name: str) -> str:
    if name not in fleet.services:
        raise problem(404, "NOT_FOUND", f"service {name}")
    return name


def _execution(fleet: Fleet, name: str) -> Execution:
    if name not in fleet.executions:
        raise problem(404, "NOT_FOUND", f"execution {name}")
    return fleet.executions[name]


def _target(fleet: Fleet, service: str, raw: dict[str, Any]) -> Target:
    latest = fleet.revisions[service][-1].name
    revision = latest if raw.get("type") in _LATEST else short_name(raw.get("revision", ""))
    return Target(revision, int(raw.get("percent", 0)), raw.get("tag"))


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _execution_view(parent: str, execution: Execution) -> dict[str, Any]:
    view: dict[str, Any] = {
        "name": f"{parent}/jobs/{execution.job}/executions/{execution.name}",
        "job": f"{parent}/jobs/{execution.job}",
        "createTime": _time(execution.created_at),
        "taskCount": 1,
        "retriedCount": max(0, execution.attempts - 1),
        "runningCount": int(execution.state == "running"),
        "succeededCount": int(execution.state == "succeeded"),
        "failedCount": int(execution.state == "failed"),
    }
    if execution.completed_at:
        view["completionTime"] = _time(execution.completed_at)
    return view


def _operation(parent: str, execution: Execution) -> dict[str, Any]:
    kind = {"@type": "type.googleapis.com/google.cloud.run.v2.Execution"}
    view = _execution_view(parent, execution)
    operation: dict[str, Any] = {
        "name": f"{parent}/operations/{execution.name}",
        "metadata": {**kind, **view},
        "done": execution.state != "running",
    }
    if execution.state == "succeeded":
        operation["response"] = {**kind, **view}
    elif execution.state == "failed":
        operation["error"] = {"code": 2, "message": execution.message}
    return operation


def _service_view(fleet: Fleet, parent: str, name: str) -> dict[str, Any]:
    prefix = f"{parent}/services/{name}/revisions/"
    known = fleet.revisions.get(name, [])
    ready = [it for it in known if it.process.up.is_set()]
    return {
        "name": f"{parent}/services/{name}",
        "uri": fleet.services[name].get("uri") or fleet.services[name].get("url"),
        "latestCreatedRevision": prefix + known[-1].name if known else "",
        "latestReadyRevision": prefix + ready[-1].name if ready else "",
        "traffic": [
            {
                "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION",
                "revision": target.revision,
                "percent": target.percent,
                **({"tag": target.tag} if target.tag else {}),
            }
            for target in fleet.traffic.get(name, [])
        ],
    }


def _revision_view(parent: str, revision: Revision) -> dict[str, Any]:
    return {
        "name": f"{parent}/services/{revision.service}/revisions/{revision.name}",
        "service": revision.service,
        "createTime": _time(revision.created_at),
    }
