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
    for name, tree in modules.items():
        if not name.startswith("functions."):
            continue
        for variable, taker in _takers(tree):
            target = dict(imports(tree)).get(taker, f"{name}.{taker}")
            needed = _permissions(modules, target, set())
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


def _permissions(modules: Modules, target: str, seen: set[str]) -> frozenset[str]:
    """What the class or function `target` (dotted) and all that it mentions need."""
    module, _, name = target.rpartition(".")
    if target in seen or module not in modules:
        return frozenset()
    seen.add(target)
    tree = modules[module]
    bound = dict(imports(tree))
    needed: frozenset[str] = frozenset()
    for definition in tree.body:
        if getattr(definition, "name", None) != name:
            continue
        for node in nodes(definition):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                needed |= _of_call(node, node.func.attr)
            mentioned = _mentioned(node, bound, module)
            if mentioned:
                needed |= _permissions(modules, mentioned, seen)
    return needed


def _of_call(call: ast.Call, method: str) -> frozenset[str]:
    if method not in _CREATING:
        return _METHODS.get(method, frozenset())
    condition = next((it.value for it in call.keywords if it.arg == "if_generation_match"), None)
    if isinstance(condition, ast.Constant) and condition.value == 0:
        return _CREATE
    return _CREATE | _DELETE  # replacing an object deletes the one before


def _mentioned(node: ast.AST, bound: dict[str, str], module: str) -> str | None:
    if isinstance(node, ast.Name):
        return bound.get(node.id, f"{module}.{node.id}")
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        base = bound.get(node.value.id)
        return f"{base}.{node.attr}" if base else None
    return None
