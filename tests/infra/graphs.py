"""Evaluates the program for tests: stand-in secrets, a stand-in page, so that nothing is built."""

from functools import partial
from pathlib import Path

from emulators.evaluate import evaluate
from emulators.graph import Graph
from emulators.stack import STAND_INS
from infra.program import program
from infra.services import DEPLOYABLES, Deployable

STACKS = ("dev", "prod")
PAGE = Path(__file__).parent / "page"
SECRETS = STAND_INS


def evaluated(stack: str, deployables: tuple[Deployable, ...] = DEPLOYABLES) -> Graph:
    """The graph of `stack`, about a CPU second."""
    return evaluate(stack, SECRETS, partial(program, deployables, PAGE))
