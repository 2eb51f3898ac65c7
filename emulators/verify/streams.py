"""Events reach their readers, or are kept where somebody finds them."""

import json
from collections.abc import Iterator

from emulators.graph import Graph, Resource
from emulators.iam import agents, bindings, short_name
from shared.events import ALL, TRANSIENT, avro_schema, bigquery_schema, table_of, topic_of

_SUBSCRIPTION = "gcp:pubsub/subscription:Subscription"
_TOPIC = "gcp:pubsub/topic:Topic"


def violations(graph: Graph) -> list[str]:
    """Where an event could be lost or malformed, each line naming the topic or subscription."""
    return sorted(
        {
            *_events(graph),
            *_dead_letters(graph),
            *_pushes(graph),
            *_triggers(graph),
        }
    )


def _held(graph: Graph) -> set[tuple[str, str, str, str]]:
    return {(it.member, it.role, it.kind, it.name) for it in bindings(graph)}


def _events(graph: Graph) -> Iterator[str]:
    """Every event class has a topic and its own schema; and, unless it is transient, a table and a
    subscription that fills it."""
    schemas = {it["id"]: it for it in graph.all("gcp:pubsub/schema:Schema")}
    tables = {it["tableId"]: it for it in graph.all("gcp:bigquery/table:Table")}
    into = {
        (it["bigqueryConfig"] or {}).get("table"): it
        for it in graph.all(_SUBSCRIPTION)
        if it.get("bigqueryConfig")
    }
    for event in ALL:
        name = topic_of(event)
        topic = graph.find(_TOPIC, "name", name)
        if topic is None:
            yield f"topic {name}: missing, for {event.__name__}"
            continue
        schema = schemas.get((topic.get("schemaSettings") or {}).get("schema"))
        if schema is None or json.loads(schema["definition"]) != avro_schema(event):
            yield f"topic {name}: its schema is not that of {event.__name__}"
        if event in TRANSIENT:
            continue
        table = tables.get(table_of(event))
        columns = [] if table is None else json.loads(table["schema"])
        wanted = list(bigquery_schema(event))
        if columns[: len(wanted)] != wanted:
            yield f"table {table_of(event)}: its columns are not those of {event.__name__}"
        if table is not None:
            where = f"{graph.project}.{table['datasetId']}.{table['tableId']}"
            subscription = into.get(where)
            if subscription is None or subscription["topic"] != topic["id"]:
                yield f"table {table_of(event)}: no subscription fills it"
    yield from _warehouse(graph)


def _warehouse(graph: Graph) -> Iterator[str]:
    agent, held = agents(graph.project_number)["pubsub"], _held(graph)
    filled = {
        config["table"].split(".")[1]
        for it in graph.all(_SUBSCRIPTION)
        if (config := it.get("bigqueryConfig"))
    }
    for it in graph.all("gcp:bigquery/dataset:Dataset"):
        if it["datasetId"] not in filled:
            continue
        for role in ("roles/bigquery.dataEditor", "roles/bigquery.metadataViewer"):
            if (agent, role, "dataset", it["datasetId"]) not in held:
                yield f"dataset {it['datasetId']}: Pub/Sub lacks {role}"
    for it in graph.all(_SUBSCRIPTION):
        config = it.get("bigqueryConfig")
        if config and bool(config.get("useTopicSchema")) == bool(config.get("useTableSchema")):
            yield f"subscription {it['name']}: takes either the topic's schema or the table's"


def _dead_letters(graph: Graph) -> Iterator[str]:
    """Source: https://cloud.google.com/pubsub/docs/handling-failures#grant_forwarding_permissions"""
    agent, held = agents(graph.project_number)["pubsub"], _held(graph)
    topics = {it["id"]: it for it in graph.all(_TOPIC)}
    read = {it["topic"] for it in graph.all(_SUBSCRIPTION)}
    for it in graph.all(_SUBSCRIPTION):
        name = it["name"]
        if it["topic"] not in topics:
            yield f"subscription {name}: its topic {it['topic']} is not declared"
        if (it.get("expirationPolicy") or {}).get("ttl") != "":
            yield f"subscription {name}: expires when nobody reads"
        if name.endswith("-dead"):
            continue
        dead = (it.get("deadLetterPolicy") or {}).get("deadLetterTopic")
        if dead is None or dead not in topics:
            yield f"subscription {name}: has no dead-letter topic"
            continue
        if dead not in read:
            yield f"topic {short_name(dead)}: nobody keeps its dead letters"
        if (agent, "roles/pubsub.publisher", "topic", short_name(dead)) not in held:
            yield f"subscription {name}: Pub/Sub may not publish to {short_name(dead)}"
        if (agent, "roles/pubsub.subscriber", "subscription", name) not in held:
            yield f"subscription {name}: Pub/Sub may not acknowledge what it forwards"
        if not it.get("retryPolicy"):
            yield f"subscription {name}: retries without backoff"


def _pushes(graph: Graph) -> Iterator[str]:
    held, agent = _held(graph), agents(graph.project_number)["pubsub"]
    for it in graph.all(_SUBSCRIPTION):
        push = it.get("pushConfig")
        if not push:
            continue
        if it.get("bigqueryConfig"):
            yield f"subscription {it['name']}: pushes and fills a table"
        email = (push.get("oidcToken") or {}).get("serviceAccountEmail")
        if email is None:
            yield f"subscription {it['name']}: pushes without a token"
        elif (agent, "roles/iam.serviceAccountTokenCreator", "serviceAccount", email) not in held:
            yield f"subscription {it['name']}: Pub/Sub may not make tokens of {email}"


def _triggers(graph: Graph) -> Iterator[str]:
    """An Eventarc trigger stands in its bucket's region, and must not feed itself."""
    held = _held(graph)
    storage = agents(graph.project_number)["storage"]
    for it in graph.all("gcp:cloudfunctionsv2/function:Function"):
        trigger = it["eventTrigger"]
        name = next(f["value"] for f in trigger["eventFilters"] if f["attribute"] == "bucket")
        bucket = graph.find("gcp:storage/bucket:Bucket", "name", name)
        if bucket is None:
            yield f"function {it['name']}: watches {name}, which is not declared"
            continue
        if bucket["location"].lower() != trigger["triggerRegion"].lower():
            yield (
                f"function {it['name']}: its trigger is in {trigger['triggerRegion']}, "
                f"bucket {name} in {bucket['location']}"
            )
        if trigger.get("retryPolicy") != "RETRY_POLICY_RETRY":
            yield f"function {it['name']}: a failed event is not delivered again"
        yield from _trigger_rights(graph, it, name, held, storage)


def _trigger_rights(
    graph: Graph,
    function: Resource,
    bucket: str,
    held: set[tuple[str, str, str, str]],
    storage: str,
) -> Iterator[str]:
    name = function["name"]
    member = f"serviceAccount:{function['eventTrigger']['serviceAccountEmail']}"
    runs_as = f"serviceAccount:{function['serviceConfig']['serviceAccountEmail']}"
    for role in ("roles/storage.objectUser", "roles/storage.objectCreator"):
        if (runs_as, role, "bucket", bucket) in held:
            yield f"function {name}: may write to {bucket}, and so trigger itself for ever"
    for who, role, kind, what in (
        (member, "roles/run.invoker", "service", name),
        (member, "roles/eventarc.eventReceiver", "project", graph.project),
        (storage, "roles/pubsub.publisher", "project", graph.project),
    ):
        if (who, role, kind, what) not in held:
            yield f"function {name}: its trigger needs {role} on {kind} {what} for {who}"
