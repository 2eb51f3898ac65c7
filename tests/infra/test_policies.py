"""Policies hold for every stack, and each of them notices what it is there for."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from emulators.graph import Graph
from emulators.runtime.edge.armor import SecurityPolicy
from emulators.verify import access, apis, front_door, keeping, streams
from infra.delivery import by_us
from shared.inward import HEADER
from tests.infra.changes import altered, changed, without
from tests.infra.graphs import STACKS

Change = Callable[[Graph], Graph]

BUCKET = "gcp:storage/bucket:Bucket"
BUCKET_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"
SERVICE = "gcp:cloudrunv2/service:Service"
FUNCTION = "gcp:cloudfunctionsv2/function:Function"
ACCOUNT = "gcp:serviceaccount/account:Account"
KEY = "gcp:compute/backendBucketSignedUrlKey:BackendBucketSignedUrlKey"
SUBSCRIPTION = "gcp:pubsub/subscription:Subscription"
SUBSCRIPTION_MEMBER = "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember"
TOPIC_MEMBER = "gcp:pubsub/topicIAMMember:TopicIAMMember"
TOPIC = "gcp:pubsub/topic:Topic"
TABLE = "gcp:bigquery/table:Table"
BACKEND = "gcp:compute/backendService:BackendService"
BACKEND_BUCKET = "gcp:compute/backendBucket:BackendBucket"
URL_MAP = "gcp:compute/uRLMap:URLMap"
DATABASE = "gcp:firestore/database:Database"


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("policy", [access, apis, streams, front_door, keeping])
def test_policy_holds(graphs: dict[str, Graph], stack: str, policy) -> None:
    assert policy.violations(graphs[stack]) == []


@pytest.mark.parametrize("stack", STACKS)
def test_services_are_not_counted_and_everybody_else_is(graphs: dict[str, Graph], stack: str):
    graph = graphs[stack]
    (policy,) = graph.all("gcp:compute/securityPolicy:SecurityPolicy")
    armor = SecurityPolicy.read(policy)
    secret = next(
        it["secretData"]
        for it in graph.all("gcp:secretmanager/secretVersion:SecretVersion")
        if it.name == "service-key"
    )
    marked = [(HEADER.encode(), secret.encode())]
    most = int(policy["rules"][1]["rateLimitOptions"]["rateLimitThreshold"]["count"])
    answers = {armor.verdict("192.0.2.1", lambda: 0.0, marked) for _ in range(most + 1)}
    assert answers == {0}
    answers = [armor.verdict("192.0.2.1", lambda: 0.0) for _ in range(most + 1)]
    assert answers == [0] * most + [429]


@pytest.mark.parametrize("key", ["short", "x" * 31, "x' || true || '" + "x" * 32, "é" * 32])
def test_key_that_would_break_the_expression_stops_the_program(key: str):
    with pytest.raises(ValueError, match="segue:serviceKey"):
        by_us(key)


def put(type_: str, name: str, **values: object) -> Change:
    return lambda graph: changed(graph, type_, name, lambda it: it.update(values))


def drop(type_: str, name: str) -> Change:
    return lambda graph: without(graph, type_, name)


def edit(type_: str, name: str, change: Callable) -> Change:
    return lambda graph: changed(graph, type_, name, change)


def add_member(**values: object) -> Change:
    """One more binding on the whole project."""

    def change(graph: Graph) -> Graph:
        one = graph.all(PROJECT_MEMBER)[0]
        binding = replace(one, urn="urn:new", name="new", properties={**one.properties, **values})
        return replace(graph, resources=(*graph.resources, binding))

    return change


ACCESS = {
    "a public masters bucket": (
        put(BUCKET, "masters", publicAccessPrevention="inherited"),
        "bucket segue-prod-masters: publicAccessPrevention",
    ),
    "object ACLs": (
        put(BUCKET, "audio", uniformBucketLevelAccess=False),
        "bucket segue-prod-audio: object ACLs",
    ),
    "an audio bucket that all may read": (
        put(BUCKET_MEMBER, "audio-cdn-fill", member="allUsers"),
        "bucket segue-prod-audio: roles/storage.objectViewer is public",
    ),
    "a web bucket that all may write": (
        put(BUCKET_MEMBER, "web-public", role="roles/storage.objectUser"),
        "bucket segue-prod-web: roles/storage.objectUser is public",
    ),
    "a service open to the internet": (
        put(SERVICE, "playback", ingress="INGRESS_TRAFFIC_ALL"),
        "service playback: ingress",
    ),
    "an owner": (add_member(role="roles/owner"), "roles/owner is a basic role"),
    "an editor": (add_member(role="roles/editor"), "roles/editor is a basic role"),
    "a role on the whole project that belongs on one bucket": (
        add_member(role="roles/storage.objectUser"),
        "roles/storage.objectUser on the whole project",
    ),
    "a role of our own that permits too much": (
        put(ROLE, "listener", permissions=["pubsub.subscriptions.create", "pubsub.topics.publish"]),
        "roles/segueListener: pubsub.topics.publish on the whole project",
    ),
    "a stranger": (add_member(member="user:eve@example.com"), "a stranger, user:eve@example.com"),
    "two services on one account": (
        edit(
            SERVICE,
            "rights",
            lambda it: it["template"].update(
                serviceAccount="segue-catalog@segue-prod.iam.gserviceaccount.com"
            ),
        ),
        "serviceAccount:segue-catalog@segue-prod.iam.gserviceaccount.com: shared by",
    ),
    "an account id that Google refuses": (
        put(ACCOUNT, "push", accountId="p"),
        "service account p: 6 to 30",
    ),
    "a secret in env": (
        edit(
            SERVICE,
            "playback",
            lambda it: it["template"]["containers"][0]["envs"].append(
                {"name": "CDN_SIGNING_KEY", "value": "c2l4dGVlbiBieXRlcyEhIQ=="}
            ),
        ),
        "playback: env CDN_SIGNING_KEY is plain",
    ),
    "another secret in the rules of the policy": (
        edit(
            "gcp:compute/securityPolicy:SecurityPolicy",
            "api",
            lambda it: it["rules"].append({"description": "c2l4dGVlbiBieXRlcyEhIQ=="}),
        ),
        "api: rules shows a secret in plain",
    ),
    "a secret's value under another name": (
        edit(
            SERVICE,
            "playback",
            lambda it: it["template"]["containers"][0]["envs"].append(
                {"name": "HARMLESS", "value": "c2l4dGVlbiBieXRlcyEhIQ=="}
            ),
        ),
        "playback: template shows a secret in plain",
    ),
    "a short signing key": (put(KEY, "audio-1", keyValue="c2hvcnQ="), "signing key audio-1"),
    "a signing key that is not base64": (put(KEY, "audio-1", keyValue="?"), "signing key audio-1"),
}

STREAMS = {
    "no dead letters": (
        put(SUBSCRIPTION, "track-changed-playback", deadLetterPolicy=None),
        "subscription track-changed-playback: has no dead-letter topic",
    ),
    "dead letters that Pub/Sub may not forward": (
        drop(TOPIC_MEMBER, "track-changed-dead-forwarder"),
        "may not publish to track-changed-dead",
    ),
    "dead letters that Pub/Sub may not acknowledge": (
        drop(SUBSCRIPTION_MEMBER, "track-changed-playback-forwarder"),
        "subscription track-changed-playback: Pub/Sub may not acknowledge",
    ),
    "dead letters that nobody keeps": (
        drop(SUBSCRIPTION, "track-changed-dead"),
        "topic track-changed-dead: nobody keeps",
    ),
    "a subscription that expires": (
        put(SUBSCRIPTION, "track-played-bigquery", expirationPolicy=None),
        "subscription track-played-bigquery: expires",
    ),
    "an event without topic": (drop(TOPIC, "track-played"), "topic track-played: missing"),
    "an event with another's schema": (
        put(
            TOPIC,
            "track-played",
            schemaSettings={"schema": "projects/segue-prod/schemas/track-changed"},
        ),
        "topic track-played: its schema is not that of TrackPlayed",
    ),
    "an event without table": (drop(TABLE, "track_played"), "table track_played: its columns"),
    "a table that nothing fills": (
        drop(SUBSCRIPTION, "track-played-bigquery"),
        "table track_played: no subscription fills it",
    ),
    "Pub/Sub not let into the data set": (
        drop("gcp:bigquery/datasetIamMember:DatasetIamMember", "pubsub-dataEditor"),
        "Pub/Sub lacks roles/bigquery.dataEditor",
    ),
    "a push without token": (
        edit(SUBSCRIPTION, "track-changed-playback", lambda it: it["pushConfig"].pop("oidcToken")),
        "subscription track-changed-playback: pushes without a token",
    ),
    "tokens that Pub/Sub may not make": (
        drop("gcp:serviceaccount/iAMMember:IAMMember", "push-tokens"),
        "Pub/Sub may not make tokens",
    ),
    "a trigger in another region than its bucket": (
        put(BUCKET, "masters", location="EU"),
        "function transcode: its trigger is in europe-west1",
    ),
    "a trigger that gives up": (
        edit(
            FUNCTION,
            "transcode",
            lambda it: it["eventTrigger"].update(retryPolicy="RETRY_POLICY_DO_NOT_RETRY"),
        ),
        "function transcode: a failed event",
    ),
    "a function that triggers itself": (
        put(BUCKET_MEMBER, "transcode-masters", role="roles/storage.objectUser"),
        "function transcode: may write to segue-prod-masters",
    ),
    "a storage agent that may not publish": (
        drop(PROJECT_MEMBER, "storage-agent-pubsub.publisher"),
        "function transcode: its trigger needs roles/pubsub.publisher",
    ),
}

FRONT_DOOR = {
    "a timeout on a serverless group": (
        put(BACKEND, "playback", timeoutSec=30),
        "backend service segue-playback: timeoutSec",
    ),
    "a balancing mode": (
        edit(BACKEND, "playback", lambda it: it["backends"][0].update(balancingMode="UTILIZATION")),
        "backend service segue-playback: balancingMode",
    ),
    "a maximal utilization": (
        edit(BACKEND, "playback", lambda it: it["backends"][0].update(maxUtilization=0.8)),
        "backend service segue-playback: maxUtilization",
    ),
    "no rate limit": (
        put(BACKEND, "playback", securityPolicy=None),
        "backend service segue-playback: nothing limits its rate",
    ),
    "a group of no service": (drop(SERVICE, "playback"), "no service playback in europe-west1"),
    "a route to nowhere": (
        drop(BACKEND, "playback"),
        "URL map segue: projects/segue-prod/global/backendServices/segue-playback is not declared",
    ),
    "two routes for one path": (
        edit(
            URL_MAP,
            "front-door",
            lambda it: it["pathMatchers"][0]["pathRules"][0]["paths"].append("/v1/plays"),
        ),
        "/v1/plays is routed 2 times",
    ),
    "a wildcard where none may stand": (
        edit(
            URL_MAP,
            "front-door",
            lambda it: it["pathMatchers"][0]["pathRules"][0]["paths"].append("/v1/*/x"),
        ),
        "/v1/*/x is not a path rule",
    ),
    "maxTtl with FORCE_CACHE_ALL": (
        edit(BACKEND_BUCKET, "audio", lambda it: it["cdnPolicy"].update(maxTtl=1)),
        "backend bucket segue-audio: maxTtl",
    ),
    "defaultTtl above maxTtl": (
        edit(BACKEND_BUCKET, "web", lambda it: it["cdnPolicy"].update(defaultTtl=1 << 30)),
        "backend bucket segue-web: defaultTtl",
    ),
    "a private backend bucket without key": (
        drop(KEY, "audio-1"),
        "backend bucket segue-audio: private and without a signing key",
    ),
    "a fill agent that may not read": (
        drop(BUCKET_MEMBER, "audio-cdn-fill"),
        "bucket segue-prod-audio: Cloud CDN's fill agent may not read it",
    ),
    "a fill agent's grant before the agent exists": (
        lambda graph: altered(graph, BUCKET_MEMBER, "audio-cdn-fill", after=()),
        "bucket segue-prod-audio: the fill agent's grant must wait",
    ),
}

KEEPING = {
    "a bucket that Pulumi may delete": (
        lambda graph: altered(graph, BUCKET, "masters", protected=False),
        "masters: Pulumi may delete it",
    ),
    "a bucket that deletes what it holds": (
        put(BUCKET, "masters", forceDestroy=True),
        "bucket segue-prod-masters: forceDestroy",
    ),
    "a database without deletion protection": (
        put(DATABASE, "default", deleteProtectionState="DELETE_PROTECTION_DISABLED"),
        "database (default): deleteProtectionState",
    ),
    "a data set that deletes its tables": (
        put("gcp:bigquery/dataset:Dataset", "segue_events", deleteContentsOnDestroy=True),
        "dataset segue_events: deleteContentsOnDestroy",
    ),
    "a table without deletion protection": (
        put(TABLE, "track_played", deletionProtection=False),
        "track_played: deletionProtection",
    ),
    "a database without backup": (
        drop("gcp:firestore/backupSchedule:BackupSchedule", "daily"),
        "database (default): has no backup",
    ),
    "an archive that changed under its name": (
        edit(
            "gcp:storage/bucketObject:BucketObject",
            "transcode-source",
            lambda it: it["source"]["files"].update({"main.py": {"text": "other"}}),
        ),
        "its name lacks its content's hash",
    ),
    "a builder that may not read the sources": (
        drop(BUCKET_MEMBER, "builder-source"),
        "needs roles/storage.objectViewer on bucket segue-prod-source",
    ),
    "no labels": (put(TOPIC, "track-played", labels=None), "track-played: lacks the labels"),
}

APIS = {
    "an API left off": (
        drop("gcp:projects/service:Service", "cloudscheduler"),
        "API cloudscheduler: not enabled",
    ),
    "the API that builds images left off": (
        drop("gcp:projects/service:Service", "cloudbuild"),
        "API cloudbuild: not enabled",
    ),
}

PLANTED = [
    pytest.param(policy, change, complaint, id=name)
    for policy, planted in (
        (access, ACCESS),
        (streams, STREAMS),
        (front_door, FRONT_DOOR),
        (keeping, KEEPING),
        (apis, APIS),
    )
    for name, (change, complaint) in planted.items()
]


@pytest.mark.parametrize(("policy", "change", "complaint"), PLANTED)
def test_policy_notices(prod_graph: Graph, policy, change: Change, complaint: str) -> None:
    found = policy.violations(change(prod_graph))
    assert any(complaint in line for line in found), found
