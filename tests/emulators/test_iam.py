"""Bindings of the graph decide, and nothing else; a refusal says what is missing."""

import pytest

from emulators.graph import Graph
from emulators.iam import (
    OPERATOR,
    ROLES,
    Denied,
    Policy,
    UnknownRole,
    custom_roles,
    role_for,
)
from tests.emulators.tiny import PROJECT, email, resource, tiny_graph
from tests.infra.graphs import STACKS, evaluated


def bound(kind: str, role: str, member: str, **where: str):
    return resource(f"gcp:{kind}", f"{member}-{role}", role=role, member=member, **where)


TOPIC = "pubsub/topicIAMMember:TopicIAMMember"
BUCKET = "storage/bucketIAMMember:BucketIAMMember"
PROJECT_WIDE = "projects/iAMMember:IAMMember"


def policy(*bindings) -> Policy:
    return Policy.from_graph(tiny_graph(*bindings))


def test_binding_allows_what_its_role_gives_on_that_resource_only() -> None:
    it = policy(bound(TOPIC, "roles/pubsub.publisher", "serviceAccount:a", topic="plays"))
    it.check("serviceAccount:a", "pubsub.topics.publish", "topic", "plays")
    it.check(
        "serviceAccount:a", "pubsub.topics.publish", "topic", f"projects/{PROJECT}/topics/plays"
    )
    assert not it.allows("serviceAccount:a", "pubsub.topics.publish", "topic", "tracks")
    assert not it.allows("serviceAccount:a", "pubsub.subscriptions.consume", "topic", "plays")
    assert not it.allows("serviceAccount:b", "pubsub.topics.publish", "topic", "plays")
    assert not it.allows("serviceAccount:a", "pubsub.topics.publish", "bucket", "plays")


def test_denied_names_role_resource_and_caller() -> None:
    with pytest.raises(Denied) as refused:
        policy().check(
            f"serviceAccount:{email('catalog')}", "pubsub.topics.publish", "topic", "track-played"
        )
    assert str(refused.value) == (
        "denied: needs roles/pubsub.publisher on topic track-played "
        "(pubsub.topics.publish; caller serviceAccount:catalog@tiny.iam.gserviceaccount.com)"
    )


@pytest.mark.parametrize(
    ("permission", "role"),
    [
        ("storage.objects.create", "roles/storage.objectCreator"),
        ("storage.objects.get", "roles/storage.objectViewer"),
        ("storage.objects.delete", "roles/storage.objectUser"),
        ("secretmanager.versions.access", "roles/secretmanager.secretAccessor"),
        ("run.routes.invoke", "roles/run.invoker"),
        ("datastore.entities.update", "roles/datastore.user"),
        ("datastore.entities.get", "roles/datastore.viewer"),
        ("made.up.permission", "a role with made.up.permission"),
    ],
)
def test_refusal_asks_for_the_narrowest_role(permission: str, role: str) -> None:
    assert role_for(permission) == role


def test_everyone_means_everyone_and_a_project_role_means_everywhere() -> None:
    it = policy(
        bound(BUCKET, "roles/storage.objectViewer", "allUsers", bucket="web"),
        bound(PROJECT_WIDE, "roles/datastore.user", "serviceAccount:a", project=PROJECT),
    )
    assert it.allows("serviceAccount:anyone", "storage.objects.get", "bucket", "web")
    assert not it.allows("serviceAccount:anyone", "storage.objects.create", "bucket", "web")
    assert it.allows("serviceAccount:a", "datastore.entities.get", "project", PROJECT)
    assert not it.allows("serviceAccount:b", "datastore.entities.get", "project", PROJECT)


def test_several_bindings_of_one_member_add_up() -> None:
    it = policy(
        bound(BUCKET, "roles/storage.objectViewer", "serviceAccount:a", bucket="audio"),
        bound(BUCKET, "roles/storage.objectCreator", "serviceAccount:a", bucket="audio"),
    )
    for permission in ("storage.objects.get", "storage.objects.create"):
        assert it.allows("serviceAccount:a", permission, "bucket", "audio")
    assert not it.allows("serviceAccount:a", "storage.objects.delete", "bucket", "audio")


def test_person_at_this_machine_may_do_everything() -> None:
    policy().check(OPERATOR, "storage.objects.delete", "bucket", "audio")


def test_role_that_is_not_modelled_is_refused_by_name() -> None:
    with pytest.raises(UnknownRole, match=r"roles/pubsub\.admin"):
        policy(bound(TOPIC, "roles/pubsub.admin", "serviceAccount:a", topic="plays"))


@pytest.mark.parametrize("stack", STACKS)
def test_every_role_that_the_program_grants_is_modelled(stack: str) -> None:
    graph: Graph = evaluated(stack)
    assert Policy.from_graph(graph).bindings
    granted = {it["role"] for it in graph.resources if it.get("role")}
    assert granted <= ROLES.keys() | custom_roles(graph).keys()


def test_role_that_the_program_defines_gives_what_it_lists_and_no_more() -> None:
    name = f"projects/{PROJECT}/roles/listener"
    permissions = ["pubsub.subscriptions.create"]
    role = resource(
        "gcp:projects/iAMCustomRole:IAMCustomRole", "listener", name=name, permissions=permissions
    )
    member = "serviceAccount:a"
    it = policy(role, bound(PROJECT_WIDE, name, member, project=PROJECT))
    it.check(member, "pubsub.subscriptions.create", "project", PROJECT)
    assert not it.allows(member, "pubsub.subscriptions.delete", "subscription", "s")
    with pytest.raises(UnknownRole):
        policy(bound(PROJECT_WIDE, name, member, project=PROJECT))
