"""The program gives each deployable exactly what its code uses: no less, and no more."""

import json
from collections.abc import Iterator

from emulators.graph import Graph
from emulators.iam import bindings, short_name
from emulators.verify.workloads import Given, workloads
from emulators.workloads import FUNCTION, SERVICE
from shared.events import topic_of

_PLATFORM = frozenset({"HOST", "PORT"})
"""Cloud Run gives these."""
_UNKNOWN = "/v1/*"
"""Leads to a service that refuses whatever none has: of what it serves it says nothing."""
_SURROUNDINGS = ("_BUCKET", "_DATASET", "_PROJECT")


def violations(graph: Graph) -> list[str]:
    """Where the program and the code disagree; each line names the deployable and the thing."""
    found: set[str] = set()
    for it in workloads(graph):
        for line in (
            *_settings(it),
            *_permissions(graph, it),
            *_subscriptions(graph, it),
            *_schedules(graph, it),
            *_routes(graph, it),
        ):
            found.add(f"{it.name}: {line}")
    return sorted(found)


def _settings(it: Given) -> Iterator[str]:
    supplied = {**it.env, **it.secrets}
    for variable, setting in it.uses.settings.items():
        # Numbers may be left at their defaults. A text names something of the surroundings, so
        # it is supplied even if it has one; a job is a second entry to code made for another.
        # What a pipeline is told may all be left out, but not what names the surroundings.
        if it.kind == "pipeline":
            needed = variable.endswith(_SURROUNDINGS)
        else:
            needed = not setting.optional or (setting.type == "str" and it.kind != "job")
        if needed and variable not in supplied:
            yield f"setting {variable} is supplied by no env and no secret"
    for variable in supplied.keys() - it.uses.settings.keys() - it.uses.environ - _PLATFORM:
        yield f"env {variable} is supplied, but no setting reads it"


def _permissions(graph: Graph, it: Given) -> Iterator[str]:
    needed = dict(_needed(graph, it))
    held = {(b.role, b.kind, b.name) for b in bindings(graph) if b.member == it.member}
    for (role, kind, name), why in needed.items():
        if (role, kind, name) not in held:
            yield f"needs {role} on {kind} {name}: {why}"
    for role, kind, name in held - needed.keys():
        yield f"has {role} on {kind} {name}, but the code does not use it"


def _needed(graph: Graph, it: Given) -> Iterator[tuple[tuple[str, str, str], str]]:
    yield ("roles/logging.logWriter", "project", graph.project), "it logs"
    for event in it.uses.publishes:
        topic = topic_of(event)
        yield ("roles/pubsub.publisher", "topic", topic), f"it publishes {event.__name__}"
    for event in it.uses.listens:
        topic = topic_of(event)
        yield ("roles/pubsub.subscriber", "topic", topic), f"it listens to {event.__name__}"
    if it.uses.listens:
        listener = f"projects/{graph.project}/roles/segueListener"
        yield (listener, "project", graph.project), "it makes a subscription of its own"
    for variable, role in it.bucket_roles.items():
        if variable in it.env:
            yield (role, "bucket", it.env[variable]), f"of what it does with {variable}"
    for variable, secret in it.secrets.items():
        where = ("roles/secretmanager.secretAccessor", "secret", secret)
        yield where, f"{variable} comes from it"
    if it.uses.firestore:
        yield ("roles/datastore.user", "project", graph.project), "it keeps documents"
    if it.uses.bigquery:
        yield ("roles/bigquery.jobUser", "project", graph.project), "it asks BigQuery"
        yield from _datasets(graph, it)
    if it.uses.launches:
        why = "it launches a pipeline"
        yield ("roles/dataflow.developer", "project", graph.project), why
        for variable, value in it.env.items():
            if variable.startswith("LAUNCH_") and value.startswith("{"):
                worker = json.loads(value)["launchParameter"]["environment"]["serviceAccountEmail"]
                yield ("roles/iam.serviceAccountUser", "serviceAccount", worker), why
    if it.kind == "pipeline":
        yield ("roles/dataflow.worker", "project", graph.project), "it works for Dataflow"
    if it.kind == "function":
        yield ("roles/eventarc.eventReceiver", "project", graph.project), "events trigger it"
        yield ("roles/run.invoker", "service", it.name), "its trigger invokes it"
    if it.uses.runs_jobs:
        for variable, value in it.env.items():
            if "/jobs/" in value:
                where = ("roles/run.jobsExecutorWithOverrides", "job", short_name(value))
                yield where, f"it runs what {variable} names"


def _datasets(graph: Graph, it: Given) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Whether a data set is written cannot be told from SQL put together while running: either
    role will do, and one is needed for each data set that a variable names."""
    held = {(b.role, b.name) for b in bindings(graph) if b.member == it.member}
    for variable, value in it.env.items():
        if variable.endswith("_DATASET"):
            dataset = value.rpartition(".")[2]
            writes = ("roles/bigquery.dataEditor", dataset) in held
            role = "roles/bigquery.dataEditor" if writes else "roles/bigquery.dataViewer"
            yield (role, "dataset", dataset), f"{variable} names it"


def _primary(graph: Graph, it: Given) -> bool:
    return it.resource.type == SERVICE and it.resource["location"] == graph.region


def _subscriptions(graph: Graph, it: Given) -> Iterator[str]:
    """Pushes go to the primary region only."""
    if not _primary(graph, it):
        return
    wanted = {topic_of(event): event.__name__ for event in it.uses.consumes}
    base = f"{it.resource['uri']}/"
    pushed: dict[str, str] = {}
    for subscription in graph.all("gcp:pubsub/subscription:Subscription"):
        push = subscription.get("pushConfig")
        if not push or not push["pushEndpoint"].startswith(base):
            continue
        topic = short_name(subscription["topic"])
        pushed[topic] = subscription["name"]
        if push["pushEndpoint"] != f"{base}_events/{topic}":
            yield f"subscription {subscription['name']} pushes to {push['pushEndpoint']}"
        yield from _token(it, f"subscription {subscription['name']}", push.get("oidcToken"))
    for topic in wanted.keys() - pushed.keys():
        yield f"handles {wanted[topic]}, but no subscription pushes {topic} to it"
    for topic in pushed.keys() - wanted.keys():
        yield f"subscription {pushed[topic]} pushes {topic}, which the code does not handle"


def _token(it: Given, what: str, token: dict[str, str] | None) -> Iterator[str]:
    """The token of a push or task is the one that the service checks."""
    shown = token or {}
    for key, variable in (
        ("audience", "SERVICE_AUDIENCE"),
        ("serviceAccountEmail", "PUSH_IDENTITY"),
    ):
        if variable in it.env and shown.get(key) != it.env[variable]:
            yield f"{what}: {key} {shown.get(key)!r} is not {variable} {it.env[variable]!r}"


def _schedules(graph: Graph, it: Given) -> Iterator[str]:
    if not _primary(graph, it):
        return
    base = f"{it.resource['uri']}/_tasks/"
    scheduled: set[str] = set()
    for job in graph.all("gcp:cloudscheduler/job:Job"):
        target = job["httpTarget"]
        if target["uri"].startswith(base):
            scheduled.add(target["uri"].removeprefix(base))
            yield from _token(it, f"schedule {job['name']}", target.get("oidcToken"))
    for name in it.uses.tasks - scheduled:
        yield f"has task {name}, but no schedule starts it"
    for name in scheduled - it.uses.tasks:
        yield f"schedule {name} starts a task that the code does not have"


def _routes(graph: Graph, it: Given) -> Iterator[str]:
    """The URL map routes every public path of the code to it, by rules that match something."""
    if it.resource.type == FUNCTION:
        return
    rules = _rules(graph, it) - {_UNKNOWN}
    for path in it.uses.routes:
        if not any(_matches(rule, path) for rule in rules):
            yield f"serves {path}, but no route leads there"
    for rule in rules:
        if not any(_matches(rule, path) for path in it.uses.routes):
            yield f"route {rule} leads to nothing that it serves"


def _rules(graph: Graph, it: Given) -> set[str]:
    groups = {
        group["id"]
        for group in graph.all("gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup")
        if (group.get("cloudRun") or {}).get("service") == it.name
    }
    backends = {
        backend["id"]
        for backend in graph.all("gcp:compute/backendService:BackendService")
        if any(each["group"] in groups for each in backend["backends"])
    }
    return {
        path
        for url_map in graph.all("gcp:compute/uRLMap:URLMap")
        for matcher in url_map.get("pathMatchers") or []
        for rule in matcher.get("pathRules") or []
        if rule.get("service") in backends
        for path in rule["paths"]
    }


def _matches(rule: str, template: str) -> bool:
    """A path rule is exact, or a folder that ends in /*."""
    return template.startswith(rule[:-1]) if rule.endswith("/*") else template == rule
