"""The OpenAPI documents, as the deployables serve them and as `docs/api/` keeps them.

`make api-docs` (`python -m tests.api_docs`) writes them anew, so that a review sees every change
of what clients are promised. Each deployable is built as deployed, in a process of its own kind:
nothing is connected to until it is used.
"""

import asyncio
import difflib
import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from infra.services import DEPLOYABLES
from tests.functions.test_start import ENVIRONMENT, environment

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "api"
APIS = tuple(it for it in DEPLOYABLES if it.kind == "api")


def kept_at(name: str) -> Path:
    return FOLDER / f"{name}.json"


def as_text(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def served() -> dict[str, Any]:
    """By deployable: its document under "document", and under "undescribed" the operations whose
    answers it does not describe."""
    known = {name: "x" for it in APIS for name in (*it.env, *it.secrets)}
    known |= {f"LAUNCH_{name}".replace("-", "_").upper(): "{}" for it in APIS for name in it.starts}
    with tempfile.TemporaryDirectory() as cache:
        given = known | environment(Path(cache), **ENVIRONMENT)
        del given["PYTHONPYCACHEPREFIX"]
        done = subprocess.run(
            [sys.executable, "-m", "tests.api_docs", "--print"],
            cwd=ROOT,
            env=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


async def ask(name: str) -> dict[str, Any]:
    """Build the deployable `name` from the environment, and ask it for its document."""
    from shared.web.openapi import path_of, undescribed

    app = importlib.import_module(f"functions.{name}.main").create()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
    ) as client:
        response = await client.get(path_of(name))
    response.raise_for_status()
    found = undescribed(app.state.served, app.state.answers)
    return {"document": response.json(), "undescribed": found}


async def ask_all() -> dict[str, Any]:
    return {it.name: await ask(it.name) for it in APIS}


def difference(name: str, document: Any) -> str:
    """What is served against what is kept, as a diff; empty when they are the same."""
    kept = kept_at(name).read_text() if kept_at(name).exists() else ""
    lines = difflib.unified_diff(
        kept.splitlines(), as_text(document).splitlines(), "kept", "served", n=2, lineterm=""
    )
    return "\n".join(list(lines)[:80])


def main() -> None:
    """Write the documents, or (`--print`) print them."""
    if "--print" in sys.argv:
        print(json.dumps(asyncio.run(ask_all())))
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = served()
    for stale in set(FOLDER.glob("*.json")) - {kept_at(name) for name in found}:
        stale.unlink()
    for name, it in found.items():
        kept_at(name).write_text(as_text(it["document"]))
        print(f"docs/api/{name}.json", *it["undescribed"], sep="\n  undescribed: ")


if __name__ == "__main__":
    main()
