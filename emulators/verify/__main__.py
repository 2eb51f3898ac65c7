"""`python -m emulators.verify [STACK…]`: check stacks before `pulumi up`, without a cloud.

Secrets come in as stand-ins, so this needs neither passphrase nor credentials. Exit code 1 if
anything is found.
"""

import argparse
import importlib.util
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

from emulators.evaluate import EvaluationError, evaluate
from emulators.stack import STAND_INS, NoStack
from emulators.verify import (
    access,
    agreement,
    apis,
    dataflow,
    discovery,
    front_door,
    keeping,
    mail,
    sdk,
    streams,
)
from emulators.verify.source import Unreadable
from infra.delivery import PAGE
from infra.program import program

CHECKS: tuple[ModuleType, ...] = (
    sdk,
    discovery,
    access,
    agreement,
    apis,
    dataflow,
    front_door,
    keeping,
    mail,
    streams,
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m emulators.verify", description=__doc__)
    parser.add_argument("stacks", nargs="*", default=["dev", "prod"], metavar="STACK")
    parser.add_argument("--page", type=Path, default=PAGE, help="the built player page")
    arguments = parser.parse_args()
    found = 0
    for stack in arguments.stacks:
        found += _verify(stack, arguments.page)
    sys.exit(1 if found else 0)


def _verify(stack: str, page: Path) -> int:
    try:
        graph = evaluate(stack, STAND_INS, partial(program, page=page))
    except (EvaluationError, NoStack) as error:
        print(f"{stack}: cannot be evaluated: {error}")
        return 1
    checks = list(CHECKS)
    if importlib.util.find_spec("googleapiclient") is None:
        checks = [it for it in checks if it not in (discovery, dataflow)]
        print(f"{stack}: without Google's API descriptions (requirements-dev.txt)")
    try:
        lines = [line for check in checks for line in check.violations(graph)]
    except Unreadable as error:
        lines = [f"the code cannot be read: {error}"]
    for line in lines:
        print(f"{stack}: {line}")
    print(f"{stack}: {len(graph.resources)} resources, {len(lines)} findings")
    return len(lines)


if __name__ == "__main__":
    main()
