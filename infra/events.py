"""Event streams: for each event a schema, a topic, a dead-letter topic and a BigQuery subscription.
What is transient has a topic alone.

Push subscriptions to services are made with the service that consumes (`infra.deployables`).
"""

import json

import pulumi
from pulumi_gcp import bigquery, pubsub

from infra.config import StackConfig
from infra.identity import Agents
from shared.events import ALL, TRANSIENT, avro_schema, topic_of

MAX_DELIVERY_ATTEMPTS = 10
RETENTION = f"{7 * 24 * 3600}s"


class Streams(pulumi.ComponentResource):
    """All topics of the system, by event class."""

    topics: dict[type, pubsub.Topic]
    dead: dict[type, pubsub.Topic]

    def __init__(
        self,
        config: StackConfig,
        agents: Agents,
        tables: dict[type, bigquery.Table],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("segue:index:Streams", "streams", None, opts)
        self.config, self.agents = config, agents
        child = pulumi.ResourceOptions(parent=self)
        self.topics, self.dead = {}, {}
        for event in ALL:
            name = topic_of(event)
            schema = pubsub.Schema(
                name,
                project=config.project,
                name=name,
                type="AVRO",
                definition=json.dumps(avro_schema(event)),
                opts=child,
            )
            self.topics[event] = pubsub.Topic(
                name,
                project=config.project,
                name=name,
                schema_settings={"schema": schema.id, "encoding": "BINARY"},
                message_retention_duration=None if event in TRANSIENT else RETENTION,
                labels=config.labels,
                opts=child,
            )
            if event in TRANSIENT:
                continue
            self._dead_letters(event, name, child)
            table = pulumi.Output.format(
                "{0}.{1}.{2}", config.project, tables[event].dataset_id, tables[event].table_id
            )
            self.subscribe(
                event,
                "bigquery",
                child,
                bigquery_config={
                    "table": table,
                    "use_topic_schema": True,
                    "write_metadata": True,
                    "drop_unknown_fields": True,
                },
            )
        self.register_outputs({})

    def _dead_letters(self, event: type, name: str, opts: pulumi.ResourceOptions) -> None:
        """What nobody could take is kept here for a week, to be looked at and replayed."""
        dead = pubsub.Topic(
            f"{name}-dead",
            project=self.config.project,
            name=f"{name}-dead",
            message_retention_duration=RETENTION,
            labels=self.config.labels,
            opts=opts,
        )
        pubsub.Subscription(
            f"{name}-dead",
            project=self.config.project,
            name=f"{name}-dead",
            topic=dead.id,
            message_retention_duration=RETENTION,
            expiration_policy={"ttl": ""},
            labels=self.config.labels,
            opts=opts,
        )
        pubsub.TopicIAMMember(
            f"{name}-dead-forwarder",
            project=self.config.project,
            topic=dead.name,
            role="roles/pubsub.publisher",
            member=self.agents.pubsub,
            opts=opts,
        )
        self.dead[event] = dead

    def subscribe(
        self, event: type, consumer: str, opts: pulumi.ResourceOptions, **delivery: object
    ) -> pubsub.Subscription:
        """A subscription `{topic}-{consumer}` with retries and dead letters. `delivery` says how:
        `push_config` or `bigquery_config`."""
        name = f"{topic_of(event)}-{consumer}"
        subscription = pubsub.Subscription(
            name,
            project=self.config.project,
            name=name,
            topic=self.topics[event].id,
            ack_deadline_seconds=60,
            message_retention_duration=RETENTION,
            expiration_policy={"ttl": ""},
            retry_policy={"minimum_backoff": "1s", "maximum_backoff": "60s"},
            dead_letter_policy={
                "dead_letter_topic": self.dead[event].id,
                "max_delivery_attempts": MAX_DELIVERY_ATTEMPTS,
            },
            labels=self.config.labels,
            opts=opts,
            **delivery,  # type: ignore[arg-type]
        )
        # Forwarding a dead letter acknowledges it here, in the agent's name.
        pubsub.SubscriptionIAMMember(
            f"{name}-forwarder",
            project=self.config.project,
            subscription=subscription.name,
            role="roles/pubsub.subscriber",
            member=self.agents.pubsub,
            opts=opts,
        )
        return subscription
