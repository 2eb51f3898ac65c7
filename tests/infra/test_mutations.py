"""The verification ladder catches mistakes planted in captured inputs, and every rung counts."""

from collections import Counter
from collections.abc import Callable

import pytest

from emulators.graph import Graph
from emulators.verify import access, agreement, apis, discovery, front_door, keeping, sdk, streams
from tests.infra.golden import golden
from tests.infra.graphs import STACKS
from tests.infra.mutations import KINDS, Mutation, mutations, planted

POLICIES = (access, agreement, apis, front_door, keeping, streams)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("rung", [sdk, discovery])
def test_program_passes_the_rung(graphs: dict[str, Graph], stack: str, rung) -> None:
    assert rung.violations(graphs[stack]) == []


@pytest.fixture(scope="module")
def planted_ones(prod_graph: Graph) -> list[Mutation]:
    found = list(mutations(prod_graph))
    counts = Counter(it.kind for it in found)
    assert counts["renamed key"] > 300
    assert counts["wrong type"] > 200
    assert counts["wrong constant"] > 15
    return found


def caught(planted_ones: list[Mutation], kind: str, rung) -> tuple[int, list[str]]:
    """How many mutations there are of `kind`, and which of them the rung lets through."""
    of_kind = [it for it in planted_ones if it.kind == kind]
    return len(of_kind), [it.where for it in of_kind if not rung.check(it.resource)]


@pytest.mark.parametrize("kind", ["renamed key", "wrong type"])
def test_sdk_self_check_catches_every_one(planted_ones: list[Mutation], kind: str) -> None:
    total, missed = caught(planted_ones, kind, sdk)
    print(f"SDK self-check, {kind}: {total - len(missed)} of {total}")
    assert missed == []


@pytest.mark.parametrize(
    ("kind", "least"), [("renamed key", 0.83), ("wrong type", 0.6), ("wrong constant", 0.94)]
)
def test_discovery_documents_catch_most(
    planted_ones: list[Mutation], kind: str, least: float
) -> None:
    total, missed = caught(planted_ones, kind, discovery)
    print(f"discovery documents, {kind}: {total - len(missed)} of {total}; missed {missed}")
    assert total - len(missed) >= least * total


def test_only_constants_that_google_does_not_list_pass_both(planted_ones: list[Mutation]) -> None:
    missed = [
        str(it)
        for it in planted_ones
        if not sdk.check(it.resource) and not discovery.check(it.resource)
    ]
    assert missed == ["wrong constant at bigquery.Table.timePartitioning.type"]


@pytest.mark.slow
def test_golden_graph_shows_every_mutation(prod_graph: Graph, planted_ones: list[Mutation]) -> None:
    reviewed = golden(prod_graph)
    missed = [str(it) for it in planted_ones if golden(planted(prod_graph, it)) == reviewed]
    print(f"golden graph: {len(planted_ones) - len(missed)} of {len(planted_ones)}")
    assert missed == []


@pytest.mark.slow
def test_policies_catch_a_third_on_their_own(
    prod_graph: Graph, planted_ones: list[Mutation]
) -> None:
    counts, totals = Counter[str](), Counter(it.kind for it in planted_ones)
    for it in planted_ones:
        mutated = planted(prod_graph, it)
        counts[it.kind] += any(_complains(policy.violations, mutated) for policy in POLICIES)
    for kind in KINDS:
        print(f"policies, {kind}: {counts[kind]} of {totals[kind]}")
    assert counts.total() > len(planted_ones) / 3


def _complains(violations: Callable[[Graph], list[str]], graph: Graph) -> bool:
    try:
        return violations(graph) != []
    except Exception:  # a policy that cannot even read the graph stops the review as well
        return True
