"""What code does with a bucket: from the class that `main.py` hands it to, down to the client."""

import ast
from collections.abc import Iterator

from emulators.iam import ROLES
from emulators.verify.source import Modules, Unreadable, imports, nodes

_GET = frozenset({"storage.objects.get"})
_LIST = frozenset({"storage.objects.list"})
_CREATE = frozenset({"storage.objects.create"})
_DELETE = frozenset({"storage.objects.delete"})
_UPDATE = frozenset({"storage.objects.update"})

# Methods of google-cloud-storage -> the permissions that they need.
# Source: https://cloud.google.com/storage/docs/access-control/iam-json
_METHODS = {
    **dict.fromkeys(("get_blob", "reload", "exists", "compose"), _GET),
    **dict.fromkeys(("download_to_filename", "download_to_file", "download_as_bytes"), _GET),
    "list_blobs": _LIST,
    "patch": _UPDATE,
    "delete": _DELETE,
    "rewrite": _GET | _CREATE | _DELETE,
}
_CREATING = frozenset(
    {
        "create_resumable_upload_session",
        "upload_from_file",
        "upload_from_filename",
        "upload_from_string",
    }
)
_BY_WIDTH = (
    "roles/storage.objectCreator",
    "roles/storage.objectViewer",
    "roles/storage.objectUser",
)


def bucket_roles(modules: Modules) -> dict[str, str]:
    """Variable (`MASTERS_BUCKET`) -> the narrowest role that the code needs on that bucket.

    Raises:
        Unreadable: a bucket goes to something that is not a class or function of our own, or
            nothing is done with it.
    """
    found: dict[str, str] = {}
    mentioned = _mentioned_from(modules, "main")
    for name, tree in modules.items():
        if not name.startswith("functions."):
            continue
        for variable, taker in _takers(tree):
            target = dict(imports(tree)).get(taker, f"{name}.{taker}")
            needed = _permissions(modules, target, _called(mentioned, target), set())
            role = next((it for it in _BY_WIDTH if needed and needed <= ROLES[it]), None)
            if role is None:
                raise Unreadable(f"{name}: what {taker} does with {variable} ({sorted(needed)})")
            found[variable] = role
    return found


def _takers(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(variable, callable) for each `Callable(… settings.x_bucket …)`, the innermost by name."""

    def visit(node: ast.AST, taker: str | None) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            taker = node.func.id
        if isinstance(node, ast.Attribute) and node.attr.endswith("_bucket") and taker:
            yield node.attr.upper(), taker
        for child in ast.iter_child_nodes(node):
            yield from visit(child, taker)

    return visit(tree, None)


def _mentioned_from(modules: Modules, entry: str) -> dict[str, ast.AST]:
    """Functions and classes (dotted) that the entry imports, and those that they mention."""
    found: dict[str, ast.AST] = {}
    waiting: list[tuple[str, ast.AST]] = []
    for _, target in imports(modules[entry]):
        definition = _definition(modules, target)
        if definition is not None:
            found[target] = definition
            waiting.append((target.rpartition(".")[0], definition))
    while waiting:
        module, definition = waiting.pop()
        bound = dict(imports(modules[module]))
        for node in nodes(definition):
            target = _target(node, bound, module)
            inner = None if target is None else _definition(modules, target)
            if target is not None and inner is not None and target not in found:
                found[target] = inner
                waiting.append((target.rpartition(".")[0], inner))
    return found


def _definition(modules: Modules, target: str) -> ast.AST | None:
    module, _, name = target.rpartition(".")
    body = modules[module].body if module in modules else []
    for node in body:
        if getattr(node, "name", None) == name:
            return node
        if isinstance(node, ast.Assign | ast.AnnAssign):
            names = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(it, ast.Name) and it.id == name for it in names):
                return node
    return None


def _called(mentioned: dict[str, ast.AST], target: str) -> frozenset[str]:
    """Names of attributes in all of ours that is mentioned, but for `target` itself."""
    return frozenset(
        node.attr
        for name, definition in mentioned.items()
        if name != target and name.startswith("functions.")
        for node in nodes(definition)
        if isinstance(node, ast.Attribute)
    )


def _permissions(
    modules: Modules, target: str, called: frozenset[str], seen: set[str]
) -> frozenset[str]:
    """What the class or function `target` (dotted) and all that it mentions need.

    Of a class, only the methods count that somebody calls, or the class itself.
    """
    definition = _definition(modules, target)
    if target in seen or definition is None:
        return frozenset()
    seen.add(target)
    module = target.rpartition(".")[0]
    bound = dict(imports(modules[module]))
    needed: frozenset[str] = frozenset()
    for part in _parts(definition, called):
        for node in nodes(part):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                needed |= _of_call(node, node.func.attr)
            mentioned = _target(node, bound, module)
            if mentioned:
                needed |= _permissions(modules, mentioned, called, seen)
    return needed


def _parts(definition: ast.AST, called: frozenset[str]) -> list[ast.AST]:
    if not isinstance(definition, ast.ClassDef):
        return [definition]
    own = {
        it.attr
        for it in nodes(definition)
        if isinstance(it, ast.Attribute) and ast.unparse(it.value) == "self"
    }
    return [
        part
        for part in definition.body
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
        or part.name in called | own
        or part.name.startswith("__")
    ]


def _of_call(call: ast.Call, method: str) -> frozenset[str]:
    if method not in _CREATING:
        return _METHODS.get(method, frozenset())
    condition = next((it.value for it in call.keywords if it.arg == "if_generation_match"), None)
    if isinstance(condition, ast.Constant) and condition.value == 0:
        return _CREATE
    return _CREATE | _DELETE  # replacing an object deletes the one before


def _target(node: ast.AST, bound: dict[str, str], module: str) -> str | None:
    if isinstance(node, ast.Name):
        return bound.get(node.id, f"{module}.{node.id}")
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        base = bound.get(node.value.id)
        return f"{base}.{node.attr}" if base else None
    return None
