"""Topics and subscriptions as the API's messages, and back."""

from typing import Any

from google.protobuf import duration_pb2
from google.pubsub_v1.types import pubsub as types
from google.pubsub_v1.types import schema as schema_types

from emulators.iam import short_name
from emulators.runtime.pubsub.topology import (
    PUSH_BACKOFF_S,
    RETENTION_S,
    DeadLetter,
    Push,
    Subscription,
    Table,
    Topic,
)


def topic(project: str, topic: Topic) -> Any:
    """The raw `google.pubsub.v1.Topic`."""
    message = types.Topic.pb()(name=f"projects/{project}/topics/{topic.name}")
    if topic.schema is not None:
        message.schema_settings.schema = f"projects/{project}/schemas/{topic.schema}"
        message.schema_settings.encoding = int(schema_types.Encoding[topic.encoding])
    return message


def subscription(project: str, subscription: Subscription) -> Any:
    """The raw `google.pubsub.v1.Subscription`."""
    message = types.Subscription.pb()(
        name=f"projects/{project}/subscriptions/{subscription.name}",
        topic=f"projects/{project}/topics/{subscription.topic}",
        ack_deadline_seconds=int(subscription.ack_deadline_s),
        filter=subscription.filter,
        enable_message_ordering=subscription.ordered,
    )
    message.message_retention_duration.CopyFrom(_duration(subscription.retention_s))
    if subscription.idle_s is not None:
        message.expiration_policy.ttl.CopyFrom(_duration(subscription.idle_s))
    push, table, dead = subscription.push, subscription.table, subscription.dead_letter
    if push is not None:
        message.push_config.push_endpoint = push.endpoint
        if push.email is not None:
            message.push_config.oidc_token.service_account_email = push.email
            message.push_config.oidc_token.audience = push.audience
    if table is not None:
        config = message.bigquery_config
        config.table = f"{table.project}.{table.dataset}.{table.table}"
        config.use_topic_schema = table.use_topic_schema
        config.use_table_schema = table.use_table_schema
        config.write_metadata = table.write_metadata
        config.drop_unknown_fields = table.drop_unknown_fields
    if dead is not None:
        message.dead_letter_policy.dead_letter_topic = f"projects/{project}/topics/{dead.topic}"
        message.dead_letter_policy.max_delivery_attempts = dead.attempts
    if subscription.backoff_s not in ((0.0, 0.0), PUSH_BACKOFF_S):
        shortest, longest = subscription.backoff_s
        message.retry_policy.minimum_backoff.CopyFrom(_duration(shortest))
        message.retry_policy.maximum_backoff.CopyFrom(_duration(longest))
    return message


def parse_subscription(message: Any) -> Subscription:
    """A raw `google.pubsub.v1.Subscription` as the graph would declare it."""
    push = table = dead = None
    if message.push_config.push_endpoint:
        token = message.push_config.oidc_token
        endpoint = message.push_config.push_endpoint
        email = token.service_account_email or None
        push = Push(endpoint, email, token.audience or endpoint)
    if message.bigquery_config.table:
        config = message.bigquery_config
        project, dataset, name = config.table.split(".")
        table = Table(
            project, dataset, name, config.use_topic_schema, config.use_table_schema,
            config.write_metadata, config.drop_unknown_fields,
        )  # fmt: skip
    if message.dead_letter_policy.dead_letter_topic:
        policy = message.dead_letter_policy
        dead = DeadLetter(short_name(policy.dead_letter_topic), policy.max_delivery_attempts or 5)
    if message.HasField("retry_policy"):
        retry = message.retry_policy
        shortest = _seconds(retry.minimum_backoff) if retry.HasField("minimum_backoff") else 10.0
        longest = _seconds(retry.maximum_backoff) if retry.HasField("maximum_backoff") else 600.0
        backoff = (shortest, longest)
    else:
        backoff = PUSH_BACKOFF_S if push or table else (0.0, 0.0)
    return Subscription(
        short_name(message.name),
        short_name(message.topic),
        push=push,
        table=table,
        dead_letter=dead,
        backoff_s=backoff,
        filter=message.filter,
        ack_deadline_s=float(message.ack_deadline_seconds or 10),
        ordered=message.enable_message_ordering,
        retention_s=_seconds(message.message_retention_duration) or RETENTION_S,
        idle_s=_seconds(message.expiration_policy.ttl) or None,
    )


def _duration(seconds: float) -> duration_pb2.Duration:
    whole = int(seconds)
    return duration_pb2.Duration(seconds=whole, nanos=round((seconds - whole) * 1e9))


def _seconds(duration: duration_pb2.Duration) -> float:
    return duration.seconds + duration.nanos / 1e9
