import pytest

from emulators.runtime.pubsub import resources
from emulators.runtime.pubsub.topology import (
    BadTopology,
    DeadLetter,
    Push,
    Subscription,
    Table,
    Topology,
)
from tests.emulators import stack


def _only(subscription) -> Subscription:
    graph = stack.graph(stack.topic("t"), stack.topic("dead"), subscription)
    return Topology.from_graph(graph).subscriptions["s"]


def test_everything_a_subscription_declares_is_read():
    found = _only(
        stack.subscription(
            "s",
            "t",
            pushConfig={
                "pushEndpoint": "https://x/y",
                "oidcToken": {"serviceAccountEmail": "a@b", "audience": "aud"},
            },
            deadLetterPolicy=stack.dead_letter("dead", 7),
            retryPolicy={"minimumBackoff": "1.5s", "maximumBackoff": "60s"},
            filter="attributes:k",
            ackDeadlineSeconds=30,
            enableMessageOrdering=True,
        )
    )
    assert found == Subscription(
        "s",
        "t",
        push=Push("https://x/y", "a@b", "aud"),
        dead_letter=DeadLetter("dead", 7),
        backoff_s=(1.5, 60.0),
        filter="attributes:k",
        ack_deadline_s=30.0,
        ordered=True,
    )


def test_bigquery_subscription_names_its_table():
    found = _only(
        stack.subscription("s", "t", bigqueryConfig={"table": "p.d.x", "useTopicSchema": True})
    )
    assert found.table == Table("p", "d", "x", use_topic_schema=True)


def test_a_push_without_audience_is_for_its_endpoint():
    push = {"pushEndpoint": "https://x/y", "oidcToken": {"serviceAccountEmail": "a@b"}}
    assert _only(stack.subscription("s", "t", pushConfig=push)).push.audience == "https://x/y"


@pytest.mark.parametrize(
    "wrong",
    [
        stack.subscription("s", "nowhere"),
        stack.subscription("s", "t", deadLetterPolicy=stack.dead_letter("nowhere")),
        stack.subscription("s", "t", bigqueryConfig={"table": "just-a-name"}),
        stack.topic("u", schemaSettings={"schema": "nowhere"}),
    ],
    ids=["topic", "dead-letter topic", "table", "schema"],
)
def test_what_the_service_would_refuse_is_refused(wrong):
    with pytest.raises(BadTopology, match=r"nowhere|just-a-name"):
        Topology.from_graph(stack.graph(stack.topic("t"), wrong))


@pytest.mark.parametrize(
    "given",
    [
        Subscription("s", "t"),
        Subscription("s", "t", push=Push("https://x", "a@b", "aud"), backoff_s=(0.1, 60.0)),
        Subscription("s", "t", table=Table("p", "d", "x", True), backoff_s=(0.5, 9.0)),
        Subscription(
            "s", "t", dead_letter=DeadLetter("dead", 5), filter="attributes:k", ordered=True
        ),
    ],
)
def test_subscription_survives_the_api_form(given):
    assert resources.parse_subscription(resources.subscription("p", given)) == given
