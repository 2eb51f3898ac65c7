"""The slice of the Dataflow API (v1b3, REST) that Segue uses: launching a flex template, and
looking at the jobs that came of it. A job here is the template's own image run as a process.

Source: https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.flexTemplates
"""

import json
import re
from typing import Any

from aiohttp import web

from emulators.archives import asset_bytes
from emulators.callers import Callers, problem
from emulators.fleet import Execution, Fleet
from emulators.graph import Graph
from emulators.iam import Denied, Policy
from emulators.oidc import Issuer

_PARENT = "/v1b3/projects/{project}/locations/{location}"
_STATES = {
    "running": "JOB_STATE_RUNNING",
    "succeeded": "JOB_STATE_DONE",
    "failed": "JOB_STATE_FAILED",
}


class BadLaunch(ValueError):
    """The launch names no template, or leaves out what the template must be told."""


class AlreadyRuns(RuntimeError):
    """Dataflow runs no two jobs of one name at the same time."""


def dataflow_routes(
    fleet: Fleet, policy: Policy, issuer: Issuer, operator_token: str
) -> web.RouteTableDef:
    """Routes for a control server. Callers show an access token, or the operator's own."""
    routes = web.RouteTableDef()

    callers = Callers(policy, issuer, operator_token)

    @routes.post(_PARENT + "/flexTemplates:launch")
    async def launch(request: web.Request) -> web.Response:
        member = callers.member(request)
        callers.check(member, "dataflow.jobs.create", "project", policy.project)
        try:
            asked = json.loads(await request.read())["launchParameter"]
            worker = asked["environment"]["serviceAccountEmail"]
            callers.check(member, "iam.serviceAccounts.actAs", "serviceAccount", worker)
            execution = start(fleet, asked)
        except (BadLaunch, KeyError, TypeError, ValueError) as error:
            raise problem(400, "INVALID_ARGUMENT", f"launch: {error}") from error
        except AlreadyRuns as error:
            raise problem(409, "ALREADY_EXISTS", str(error)) from error
        except Denied as error:
            raise problem(403, "PERMISSION_DENIED", str(error)) from error
        return web.json_response({"job": _view(request, execution)})

    @routes.get(_PARENT + "/jobs")
    async def jobs(request: web.Request) -> web.Response:
        callers.allow(request, "dataflow.jobs.list", "project", policy.project)
        found = [it for it in fleet.executions.values() if it.launched]
        return web.json_response({"jobs": [_view(request, it) for it in found]})

    @routes.get(_PARENT + "/jobs/{job}")
    async def job(request: web.Request) -> web.Response:
        callers.allow(request, "dataflow.jobs.get", "project", policy.project)
        found = fleet.executions.get(request.match_info["job"])
        if found is None or not found.launched:
            raise problem(404, "NOT_FOUND", f"job {request.match_info['job']}")
        return web.json_response(_view(request, found))

    return routes


def start(fleet: Fleet, asked: dict[str, Any]) -> Execution:
    """Run the template that `asked` (a LaunchFlexTemplateParameter) names.

    Raises:
        BadLaunch: no such template, a parameter is missing or unknown, the name is none.
        AlreadyRuns: a job of that name runs.
    """
    name = asked.get("jobName") or ""
    if not re.fullmatch(r"[a-z]([-a-z0-9]{0,1022}[a-z0-9])?", name):
        raise BadLaunch(f"jobName {name!r}")
    template = specification(fleet.platform.graph, asked.get("containerSpecGcsPath") or "")
    parameters = {str(key): str(value) for key, value in (asked.get("parameters") or {}).items()}
    known = {it["name"]: it for it in template["metadata"]["parameters"]}
    missing = [
        key for key, it in known.items() if not it.get("isOptional") and key not in parameters
    ]
    unknown = sorted(parameters.keys() - known.keys())
    if missing or unknown:
        raise BadLaunch(f"parameters: {', '.join(missing)} missing, {', '.join(unknown)} unknown")
    if any(
        it.job == name and it.launched and it.state == "running" for it in fleet.executions.values()
    ):
        raise AlreadyRuns(f"a job named {name} is running")
    image = fleet.platform.graph.find(
        "pulumi-python:dynamic/segue:ContainerImage", "reference", template["image"]
    )
    if image is None:
        raise BadLaunch(f"no image {template['image']}")
    return fleet.launch(name, image, asked["environment"]["serviceAccountEmail"], parameters)


def specification(graph: Graph, path: str) -> dict[str, Any]:
    """The template at `path` (gs://bucket/object), which the program puts there.

    Raises:
        BadLaunch: there is none.
    """
    bucket, _, name = path.removeprefix("gs://").partition("/")
    for it in graph.all("gcp:storage/bucketObject:BucketObject"):
        if it["bucket"] == bucket and it["name"] == name:
            return json.loads(asset_bytes(it["source"]))
    raise BadLaunch(f"no template at {path!r}")


def _view(request: web.Request, execution: Execution) -> dict[str, Any]:
    view = {
        "id": execution.name,
        "name": execution.job,
        "projectId": request.match_info["project"],
        "location": request.match_info["location"],
        "type": "JOB_TYPE_BATCH",
        "createTime": execution.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "currentState": _STATES[execution.state],
    }
    if execution.message:
        view["currentStateTime"] = view["createTime"]
    return view
