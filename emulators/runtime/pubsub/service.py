"""The Pub/Sub API as callers see it: IAM first, then Google's emulator or the broker."""

import contextlib
import hashlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from google.pubsub_v1.types import pubsub as types
from google.pubsub_v1.types import schema as schema_types

from emulators.iam import OPERATOR, Denied, short_name
from emulators.runtime.grpc_proxy import Call, Refused, UnaryHandler
from emulators.runtime.pubsub import resources
from emulators.runtime.pubsub.broker import Broker, Draft, Lane
from emulators.runtime.pubsub.filters import BadFilter
from emulators.runtime.pubsub.pull import Leases, pull, streaming_pull
from emulators.runtime.pubsub.runner import Deliveries
from emulators.runtime.pubsub.topology import Schema, Topic
from emulators.runtime.upstream import Upstream

log = logging.getLogger(__name__)

PUBLISHER = "/google.pubsub.v1.Publisher/"
SUBSCRIBER = "/google.pubsub.v1.Subscriber/"
SCHEMAS = "/google.pubsub.v1.SchemaService/"

_EMPTY = empty_pb2.Empty().SerializeToString()
_PublishRequest = types.PublishRequest.pb()
_PublishResponse = types.PublishResponse.pb()
_StreamingPullRequest = types.StreamingPullRequest.pb()


class PubsubService:
    """Publishes are checked by Google's emulator (names, sizes, schemas), kept by the broker."""

    def __init__(self, broker: Broker, upstream: Upstream, deliveries: Deliveries) -> None:
        self._broker = broker
        self._upstream = upstream
        self._deliveries = deliveries
        self._project = broker.topology.project
        self._stamps = {
            topic.name: _stamp(self._project, broker.topology.schemas[topic.schema], topic.encoding)
            for topic in broker.topics.values()
            if topic.schema is not None
        }
        self._handlers: Mapping[str, UnaryHandler] = {
            PUBLISHER + "Publish": self._publish,
            PUBLISHER + "CreateTopic": self._create_topic,
            PUBLISHER + "DeleteTopic": self._delete_topic,
            PUBLISHER + "ListTopicSubscriptions": self._list_topic_subscriptions,
            SUBSCRIBER + "Pull": self._pull,
            SUBSCRIBER + "Acknowledge": self._acknowledge,
            SUBSCRIBER + "ModifyAckDeadline": self._modify_ack_deadline,
            SUBSCRIBER + "GetSubscription": self._get_subscription,
            SUBSCRIBER + "ListSubscriptions": self._list_subscriptions,
            SUBSCRIBER + "CreateSubscription": self._create_subscription,
            SUBSCRIBER + "DeleteSubscription": self._delete_subscription,
        }

    def unary(self, path: str) -> UnaryHandler | None:
        if path == SUBSCRIBER + "StreamingPull":
            return None
        handler = self._handlers.get(path)
        if handler is not None:
            return handler
        return self._unimplemented if path.startswith(SUBSCRIBER) else self._pass

    async def stream(self, call: Call, requests: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        first = None
        async for request in requests:
            first = _StreamingPullRequest.FromString(request)
            break
        if first is None:
            return
        leases = self._consume(call, first.subscription)
        async with contextlib.aclosing(streaming_pull(leases, first, requests)) as responses:
            async for response in responses:
                yield response

    # Publishing

    async def _publish(self, call: Call, request: bytes) -> bytes:
        parsed = _PublishRequest.FromString(request)
        topic = self._topic(parsed.topic)
        self._broker.policy.check(call.member, "pubsub.topics.publish", "topic", topic)
        await self._upstream.unary(call, request)
        stamp = self._stamps.get(topic, {})
        drafts = [
            Draft(message.data, {**message.attributes, **stamp}, message.ordering_key)
            for message in parsed.messages
        ]
        ids = await self._broker.publish(topic, drafts)
        return _PublishResponse(message_ids=[str(id) for id in ids]).SerializeToString()

    # Pulling

    async def _pull(self, call: Call, request: bytes) -> bytes:
        parsed = types.PullRequest.pb().FromString(request)
        leases = self._consume(call, parsed.subscription)
        if parsed.max_messages < 1:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "max_messages must be positive")
        received = await pull(
            leases, parsed.max_messages, call.timeout_s, at_once=parsed.return_immediately
        )
        return types.PullResponse.pb()(received_messages=received).SerializeToString()

    async def _acknowledge(self, call: Call, request: bytes) -> bytes:
        parsed = types.AcknowledgeRequest.pb().FromString(request)
        await self._consume(call, parsed.subscription).acknowledge(parsed.ack_ids)
        return _EMPTY

    async def _modify_ack_deadline(self, call: Call, request: bytes) -> bytes:
        parsed = types.ModifyAckDeadlineRequest.pb().FromString(request)
        leases = self._consume(call, parsed.subscription)
        leases.modify(parsed.ack_ids, parsed.ack_deadline_seconds)
        return _EMPTY

    def _consume(self, call: Call, name: str) -> Leases:
        lane = self._lane(name)
        self._broker.policy.check(
            call.member, "pubsub.subscriptions.consume", "subscription", lane.name
        )
        lane.pulled_at = self._broker.clock()
        leases = self._deliveries.leases.get(lane.name)
        if leases is None:
            raise Refused(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"subscription {lane.name} is no pull subscription",
            )
        return leases

    # Resources

    async def _get_subscription(self, call: Call, request: bytes) -> bytes:
        parsed = types.GetSubscriptionRequest.pb().FromString(request)
        lane = self._lane(parsed.subscription)
        member, policy = call.member, self._broker.policy
        if not policy.allows(member, "pubsub.subscriptions.consume", "subscription", lane.name):
            policy.check(member, "pubsub.subscriptions.get", "subscription", lane.name)
        return resources.subscription(self._project, lane.subscription).SerializeToString()

    async def _list_subscriptions(self, call: Call, request: bytes) -> bytes:
        _administer(call)
        found = [
            resources.subscription(self._project, lane.subscription)
            for lane in self._broker.lanes.values()
        ]
        return types.ListSubscriptionsResponse.pb()(subscriptions=found).SerializeToString()

    async def _list_topic_subscriptions(self, call: Call, request: bytes) -> bytes:
        _administer(call)
        parsed = types.ListTopicSubscriptionsRequest.pb().FromString(request)
        topic = self._topic(parsed.topic)
        names = [
            f"projects/{self._project}/subscriptions/{lane.name}"
            for lane in self._broker.lanes.values()
            if lane.subscription.topic == topic
        ]
        return types.ListTopicSubscriptionsResponse.pb()(subscriptions=names).SerializeToString()

    async def _create_topic(self, call: Call, request: bytes) -> bytes:
        _administer(call)
        answer = await self._upstream.unary(call, request)
        parsed = types.Topic.pb().FromString(request)
        topic = Topic(short_name(parsed.name))
        self._broker.topics[topic.name] = topic
        await self._broker.store.put_extra("topic", topic.name, request)
        return answer

    async def _delete_topic(self, call: Call, request: bytes) -> bytes:
        _administer(call)
        parsed = types.DeleteTopicRequest.pb().FromString(request)
        topic = self._topic(parsed.topic)
        self._keep_declared(topic in self._broker.topology.topics, f"topic {topic}")
        answer = await self._upstream.unary(call, request)
        del self._broker.topics[topic]
        await self._broker.store.drop_extra("topic", topic)
        return answer

    async def _create_subscription(self, call: Call, request: bytes) -> bytes:
        parsed = types.Subscription.pb().FromString(request)
        wanted = resources.parse_subscription(parsed)
        topic, policy = self._topic(parsed.topic), self._broker.policy
        policy.check(call.member, "pubsub.subscriptions.create", "project", self._project)
        policy.check(call.member, "pubsub.topics.attachSubscription", "topic", topic)
        if wanted.push is not None or wanted.table is not None:
            _administer(call)
        if wanted.name in self._broker.lanes:
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, f"subscription {wanted.name} exists")
        try:
            lane = self._broker.add(wanted)
        except BadFilter as error:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        self._deliveries.start(lane)
        await self._broker.store.put_extra("subscription", wanted.name, request)
        return resources.subscription(self._project, wanted).SerializeToString()

    async def _delete_subscription(self, call: Call, request: bytes) -> bytes:
        parsed = types.DeleteSubscriptionRequest.pb().FromString(request)
        lane = self._lane(parsed.subscription)
        policy = self._broker.policy
        policy.check(call.member, "pubsub.subscriptions.delete", "subscription", lane.name)
        declared = lane.name in self._broker.topology.subscriptions
        self._keep_declared(declared, f"subscription {lane.name}")
        await self._deliveries.stop(lane.name)
        await self._broker.remove(lane.name)
        return _EMPTY

    async def _pass(self, call: Call, request: bytes) -> bytes:
        _administer(call)
        return await self._upstream.unary(call, request)

    async def _unimplemented(self, call: Call, request: bytes) -> bytes:
        _administer(call)
        raise Refused(grpc.StatusCode.UNIMPLEMENTED, f"{call.method} has no local meaning")

    def _topic(self, name: str) -> str:
        short = short_name(name)
        if name != f"projects/{self._project}/topics/{short}" or short not in self._broker.topics:
            raise Refused(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={name})")
        return short

    def _lane(self, name: str) -> Lane:
        lane = self._broker.lanes.get(short_name(name))
        if lane is None or name != f"projects/{self._project}/subscriptions/{lane.name}":
            raise Refused(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={name})")
        return lane

    @staticmethod
    def _keep_declared(declared: bool, what: str) -> None:
        if declared:
            raise Refused(
                grpc.StatusCode.FAILED_PRECONDITION, f"{what} belongs to the program's graph"
            )


def _administer(call: Call) -> None:
    if call.member != OPERATOR:
        raise Denied(
            f"denied: {call.method} changes or lists what the program declares; "
            f"only {OPERATOR} may (caller {call.member})"
        )


def _stamp(project: str, schema: Schema, encoding: str) -> dict[str, str]:
    """The attributes that Pub/Sub adds to messages of a topic with a schema.

    Source: https://cloud.google.com/pubsub/docs/schemas (googclient_*)
    """
    return {
        "googclient_schemaencoding": encoding,
        "googclient_schemaname": f"projects/{project}/schemas/{schema.name}",
        "googclient_schemarevisionid": hashlib.sha256(schema.definition.encode()).hexdigest()[:8],
    }


async def declare(channel: grpc.aio.Channel, broker: Broker) -> None:
    """Make the graph's schemas and topics, and an operator's, in an empty or a used emulator.

    Raises:
        grpc.aio.AioRpcError: the emulator refuses one (a bad schema, say).
    """
    project = broker.topology.project
    for schema in broker.topology.schemas.values():
        request = schema_types.CreateSchemaRequest.pb()(
            parent=f"projects/{project}",
            schema_id=schema.name,
            schema=schema_types.Schema.pb()(
                type_=int(schema_types.Schema.Type[schema.kind]), definition=schema.definition
            ),
        )
        await _create(channel, SCHEMAS + "CreateSchema", request.SerializeToString())
    for topic in broker.topology.topics.values():
        message = resources.topic(project, topic)
        await _create(channel, PUBLISHER + "CreateTopic", message.SerializeToString())
    for body in await broker.store.extras("topic"):
        await _create(channel, PUBLISHER + "CreateTopic", body)


async def _create(channel: grpc.aio.Channel, path: str, request: bytes) -> None:
    try:
        await channel.unary_unary(path)(request, timeout=10)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise
