"""`python -m emulators.verify` says what is wrong and exits accordingly."""

import sys
from pathlib import Path

import pytest

from emulators.graph import Graph
from emulators.verify import __main__ as command
from emulators.verify import front_door, sdk
from tests.infra.changes import changed
from tests.infra.graphs import PAGE, evaluated


def run(monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    monkeypatch.setattr(command, "CHECKS", (sdk, front_door))
    monkeypatch.setattr(sys, "argv", ["verify", *argv])
    with pytest.raises(SystemExit) as ended:
        command.main()
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return evaluated("dev")


def test_sound_stack_passes(monkeypatch, capsys, graph: Graph) -> None:
    monkeypatch.setattr(command, "evaluate", lambda *_: graph)
    assert run(monkeypatch, "dev", "--page", str(PAGE)) == 0
    assert f"dev: {len(graph.resources)} resources, 0 findings" in capsys.readouterr().out


def test_finding_is_printed_and_fails(monkeypatch, capsys, graph: Graph) -> None:
    broken = changed(
        graph,
        "gcp:compute/backendService:BackendService",
        "playback",
        lambda it: it.update(timeoutSec=30),
    )
    monkeypatch.setattr(command, "evaluate", lambda *_: broken)
    assert run(monkeypatch, "dev") == 1
    out = capsys.readouterr().out
    assert "dev: backend service segue-playback: timeoutSec is not for serverless groups" in out


def test_stack_that_cannot_be_evaluated_is_named(monkeypatch, capsys, tmp_path: Path) -> None:
    assert run(monkeypatch, "nope") == 1
    assert "nope: cannot be evaluated: no stack 'nope'" in capsys.readouterr().out
    assert run(monkeypatch, "dev", "--page", str(tmp_path)) == 1
    assert "run `make page`" in capsys.readouterr().out
