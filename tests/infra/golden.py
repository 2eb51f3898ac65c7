"""Golden graphs: what each stack declares, kept in git, so that a review sees every change to it.

`make golden` (`python -m tests.infra.golden`) writes them anew. Secrets, content hashes and paths
of this machine are blotted out; JSON inside strings, in base64 too, is opened up, to be read
line by line.
"""

import base64
import difflib
import json
import re
from pathlib import Path
from typing import Any

from emulators.graph import Graph, Resource
from tests.infra.graphs import STACKS, evaluated

FOLDER = Path(__file__).parent / "golden"
_HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])")
_JSON = frozenset({"schema", "definition", "dashboardJson"})


def path_of(stack: str) -> Path:
    return FOLDER / f"{stack}.json"


def golden(graph: Graph) -> str:
    """The graph as text: one resource after the other, keys sorted."""
    secret = frozenset(path.replace("#", ".") for path in graph.secrets)
    resources = {it.urn: _resource(it, secret) for it in graph.resources}
    return json.dumps(resources, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _resource(resource: Resource, secret: frozenset[str]) -> dict[str, Any]:
    shown = {
        key: _shown(value, f"{resource.urn}.{key}", secret)
        for key, value in resource.properties.items()
        if value is not None
    }
    return {**shown, "protect": True} if resource.protected else shown


def _shown(value: Any, path: str, secret: frozenset[str]) -> Any:
    if path in secret and isinstance(value, str):
        return "(secret)"
    if isinstance(value, dict):
        if path.endswith(".source") and value.keys() in ({"files"}, {"path"}):
            return "(archive)" if "files" in value else "(file)"
        return {key: _shown(item, f"{path}.{key}", secret) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item, f"{path}[{at}]", secret) for at, item in enumerate(value)]
    if isinstance(value, str):
        if path.rpartition(".")[2] in _JSON and value[:1] in "[{":
            return json.loads(value)
        if path.endswith(".httpTarget.body"):
            return _shown(json.loads(base64.b64decode(value)), f"{path}()", secret)
        return _HASH.sub("(hash)", value)
    return value


def difference(stack: str, graph: Graph) -> str:
    """What changed against the golden graph, as a diff that names each resource; "" if nothing."""
    path = path_of(stack)
    before = path.read_text().splitlines() if path.exists() else []
    after = golden(graph).splitlines()
    lines = difflib.unified_diff(before, after, f"golden {stack}", "program", n=3, lineterm="")
    out: list[str] = []
    owner = ""
    for line in lines:
        out.append(line)
        if line.startswith("@@"):
            at = int(line.split("+")[1].split(",")[0].split(" ")[0])
            owners = [it for it in after[:at] if it.startswith(' "urn:')]
            owner = owners[-1].strip().rstrip(": {").strip('"') if owners else ""
            out[-1] = f"{line} {owner.rpartition('::')[2]} {owner}".rstrip()
    return "\n".join(out)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for stack in STACKS:
        graph = evaluated(stack)
        changes = difference(stack, graph)
        path_of(stack).write_text(golden(graph))
        print(changes or f"{stack}: as before")


if __name__ == "__main__":
    main()
