"""The graph's schemas, topics and subscriptions as plain values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulators.graph import Graph, Resource
from emulators.iam import short_name

RETENTION_S = 7 * 24 * 3600.0
"""How long a subscription keeps what nobody acknowledged, unless it says otherwise."""

PUSH_BACKOFF_S = (0.1, 60.0)
"""Push without a retry policy backs off from 100 ms to 60 s (push backoff, documented)."""


@dataclass(frozen=True, slots=True)
class Schema:
    """`kind` is "AVRO" or "PROTOCOL_BUFFER"."""

    name: str
    kind: str
    definition: str


@dataclass(frozen=True, slots=True)
class Topic:
    """`encoding` ("BINARY" or "JSON") counts where a schema is set."""

    name: str
    schema: str | None = None
    encoding: str = "BINARY"


@dataclass(frozen=True, slots=True)
class Push:
    """`email` is the service account whose OIDC token, for `audience`, goes along; or None."""

    endpoint: str
    email: str | None = None
    audience: str = ""
    unwrapped: bool = False
    write_metadata: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Where a BigQuery subscription writes."""

    project: str
    dataset: str
    table: str
    use_topic_schema: bool = False
    use_table_schema: bool = False
    write_metadata: bool = False
    drop_unknown_fields: bool = False
    email: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    topic: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """`backoff_s` is (shortest, longest) pause before a message is delivered again.

    Neither `push` nor `table` means pull. Names are short. What nobody acknowledged is dropped
    after `retention_s`; the subscription itself goes when nobody pulled for `idle_s` (None: never).
    """

    name: str
    topic: str
    push: Push | None = None
    table: Table | None = None
    dead_letter: DeadLetter | None = None
    backoff_s: tuple[float, float] = (0.0, 0.0)
    filter: str = ""
    ack_deadline_s: float = 10.0
    ordered: bool = False
    retention_s: float = RETENTION_S
    idle_s: float | None = None


class BadTopology(Exception):
    """The graph declares something that Pub/Sub would refuse; names the resource and why."""


@dataclass(frozen=True, slots=True)
class Topology:
    project: str
    project_number: str
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    topics: Mapping[str, Topic] = field(default_factory=dict)
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)

    @classmethod
    def from_graph(cls, graph: Graph) -> "Topology":
        """Read every Pub/Sub resource.

        Raises:
            BadTopology: a subscription names a topic, or a topic a schema, that does not exist.
        """
        schemas = {s.name: s for s in map(_schema, graph.all("gcp:pubsub/schema:Schema"))}
        topics = {t.name: t for t in map(_topic, graph.all("gcp:pubsub/topic:Topic"))}
        subscriptions = {
            s.name: s for s in map(_subscription, graph.all("gcp:pubsub/subscription:Subscription"))
        }
        for topic in topics.values():
            if topic.schema is not None and topic.schema not in schemas:
                raise BadTopology(f"topic {topic.name}: no schema {topic.schema}")
        for subscription in subscriptions.values():
            wanted = [subscription.topic]
            if subscription.dead_letter is not None:
                wanted.append(subscription.dead_letter.topic)
            for name in wanted:
                if name not in topics:
                    raise BadTopology(f"subscription {subscription.name}: no topic {name}")
        return cls(graph.project, graph.project_number, schemas, topics, subscriptions)


def _schema(resource: Resource) -> Schema:
    return Schema(
        short_name(resource["name"]), resource.get("type", "AVRO"), resource["definition"]
    )


def _topic(resource: Resource) -> Topic:
    settings = resource.get("schemaSettings")
    if not settings:
        return Topic(short_name(resource["name"]))
    encoding = settings.get("encoding", "JSON")
    return Topic(short_name(resource["name"]), short_name(settings["schema"]), encoding)


def _subscription(resource: Resource) -> Subscription:
    push, table = resource.get("pushConfig"), resource.get("bigqueryConfig")
    dead, retry = resource.get("deadLetterPolicy"), resource.get("retryPolicy")
    name = short_name(resource["name"])
    if retry:
        backoff = (
            seconds(retry.get("minimumBackoff"), 10.0),
            seconds(retry.get("maximumBackoff"), 600.0),
        )
    else:
        backoff = PUSH_BACKOFF_S if push or table else (0.0, 0.0)
    return Subscription(
        name,
        short_name(resource["topic"]),
        push=_push(push) if push and push.get("pushEndpoint") else None,
        table=_table(name, table) if table else None,
        dead_letter=_dead_letter(dead) if dead and dead.get("deadLetterTopic") else None,
        backoff_s=backoff,
        filter=resource.get("filter") or "",
        ack_deadline_s=float(resource.get("ackDeadlineSeconds") or 10),
        ordered=bool(resource.get("enableMessageOrdering")),
        retention_s=seconds(resource.get("messageRetentionDuration"), RETENTION_S),
    )


def _push(config: Mapping[str, Any]) -> Push:
    token, bare = config.get("oidcToken") or {}, config.get("noWrapper")
    return Push(
        config["pushEndpoint"],
        token.get("serviceAccountEmail"),
        token.get("audience") or config["pushEndpoint"],
        unwrapped=bool(bare),
        write_metadata=bool(bare and bare.get("writeMetadata")),
    )


def _table(subscription: str, config: Mapping[str, Any]) -> Table:
    parts = re.split(r"[.:]", config["table"])
    if len(parts) != 3:
        raise BadTopology(f"subscription {subscription}: table {config['table']!r} is not p.d.t")
    return Table(
        *parts,
        use_topic_schema=bool(config.get("useTopicSchema")),
        use_table_schema=bool(config.get("useTableSchema")),
        write_metadata=bool(config.get("writeMetadata")),
        drop_unknown_fields=bool(config.get("dropUnknownFields")),
        email=config.get("serviceAccountEmail") or None,
    )


def _dead_letter(config: Mapping[str, Any]) -> DeadLetter:
    attempts = int(config.get("maxDeliveryAttempts") or 5)
    return DeadLetter(short_name(config["deadLetterTopic"]), attempts)


def seconds(text: str | None, default: float) -> float:
    """A duration as the API writes it: `"10s"`, `"0.5s"`."""
    return float(text.removesuffix("s")) if text else default
