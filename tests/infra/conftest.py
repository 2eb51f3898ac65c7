"""Each stack is evaluated once per test session."""

import pytest

from emulators.graph import Graph
from tests.infra.graphs import STACKS, evaluated


@pytest.fixture(scope="session")
def graphs() -> dict[str, Graph]:
    """Every stack's graph, by the stack's name."""
    return {stack: evaluated(stack) for stack in STACKS}


@pytest.fixture(scope="session")
def graph(graphs: dict[str, Graph]) -> Graph:
    """The graph of `dev`, the stack that the local cloud runs."""
    return graphs["dev"]


@pytest.fixture(scope="session")
def prod_graph(graphs: dict[str, Graph]) -> Graph:
    return graphs["prod"]
