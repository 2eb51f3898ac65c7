"""What the program declares is what was last reviewed."""

import pytest

from emulators.graph import Graph
from tests.infra.changes import changed
from tests.infra.golden import difference, golden
from tests.infra.graphs import SECRETS, STACKS


@pytest.mark.parametrize("stack", STACKS)
def test_program_declares_what_was_reviewed(graphs: dict[str, Graph], stack: str) -> None:
    changes = difference(stack, graphs[stack])
    assert not changes, f"if this is meant, run `make golden` and commit it:\n{changes[:8000]}"


def test_golden_graph_shows_no_secret_hash_or_path_of_this_machine(graph: Graph) -> None:
    text = golden(graph)
    for secret in SECRETS.values():
        assert secret not in text
    assert "/clients/" not in text
    image = graph.all("pulumi-python:dynamic/segue:ContainerImage")[0]["image"]
    assert image.rpartition(":")[2] not in text


def test_difference_names_the_resource_that_changed(graph: Graph) -> None:
    other = changed(
        graph,
        "gcp:pubsub/topic:Topic",
        "track-played",
        lambda it: it.update(messageRetentionDuration="60s"),
    )
    changes = difference("dev", other)
    assert "pubsub/topic:Topic::track-played" in changes
    assert '+  "messageRetentionDuration": "60s",' in changes
