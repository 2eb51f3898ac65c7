"""What it costs to know the whole system: CPU seconds of a fresh process that evaluates a stack.

`python -m benchmarks.graph`. Ours: from start to a written graph. Peer: the same in a process
that finds no compiled bytecode, as after `pip install` without `--compile`. Floor: only importing
what the program imports (the SDK's `compute` alone is more than half of it).
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import emit
from emulators.stack import STAND_INS

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3

EVALUATE = """
import json, sys
from pathlib import Path
from functools import partial
from emulators.evaluate import evaluate
from infra.program import program

graph = evaluate("prod", json.loads(sys.argv[1]), partial(program, page=Path(sys.argv[2])))
graph.dump(Path(sys.argv[3]))
"""
IMPORT = """
import pulumi_gcp.compute, infra.program, emulators.evaluate
pulumi_gcp.compute.URLMap
"""


def cpu_s(code: str, folder: Path, *argv: str) -> float:
    """User and system CPU seconds of one Python process; bytecode lives in `folder`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [sys.executable, "-c", code, *argv],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(folder)},
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = folder / "page"
        page.mkdir()
        (page / "index.html").write_text("<!doctype html>")
        argv = (json.dumps(STAND_INS), str(page), str(folder / "graph.json"))
        cold = cpu_s(EVALUATE, folder, *argv)
        ours = min(cpu_s(EVALUATE, folder, *argv) for _ in range(ROUNDS))
        floor = min(cpu_s(IMPORT, folder) for _ in range(ROUNDS))
        count = len(json.loads((folder / "graph.json").read_text())["resources"])
    print(f"{count} resources: {ours:.2f} CPU-s, of which imports {floor:.2f}; cold {cold:.2f}")
    emit(
        "graph",
        "CPU-s",
        ours,
        peers={"without bytecode": cold},
        floor=floor,
        higher_is_better=False,
        resources=count,
    )


if __name__ == "__main__":
    main()
