"""The fold of acknowledged writes gives what the real emulator holds."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulators.ports import free_port
from emulators.runtime.firestore import fold
from emulators.runtime.firestore.access import SERVICE
from emulators.runtime.firestore.journal import Commit, Journal
from emulators.runtime.firestore.writes import committed
from tests.emulators import stack

DATABASE = f"projects/{stack.PROJECT}/databases/(default)"
NAMES = [f"{DATABASE}/documents/fold/{letter}" for letter in "ab"]
PATHS = ["n", "m", "deep.x", "deep.y.z", "`a b`"]


class Emulator:
    def __init__(self, port: int) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        grpc.channel_ready_future(self._channel).result(30)

    def call(self, method: str, request: bytes) -> bytes:
        return self._channel.unary_unary(SERVICE + method)(request, timeout=20)

    def get(self, name: str) -> Any:
        """The document's fields, or None."""
        from google.cloud.firestore_v1.types import firestore as types

        request = types.GetDocumentRequest.pb()(name=name)
        try:
            document = fold.Document.FromString(
                self.call("GetDocument", request.SerializeToString())
            )
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:  # type: ignore[attr-defined]
                raise
            return None
        return document.fields

    def close(self) -> None:
        self._channel.close()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    port = free_port()
    with stack.started(stack.emulator("firestore", port, tmp_path_factory.mktemp("fold"))):
        emulator = Emulator(port)
        yield emulator
        emulator.close()


def _value(plain: Any) -> Any:
    match plain:
        case None:
            return fold.Value(null_value=0)
        case bool():
            return fold.Value(boolean_value=plain)
        case int():
            return fold.Value(integer_value=plain)
        case float():
            return fold.Value(double_value=plain)
        case str():
            return fold.Value(string_value=plain)
        case list():
            value = fold.Value()
            value.array_value.SetInParent()
            value.array_value.values.extend(map(_value, plain))
            return value
    value = fold.Value()
    value.map_value.SetInParent()
    for key, inner in plain.items():
        value.map_value.fields[key].CopyFrom(_value(inner))
    return value


numbers = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, 1.0, -2.0]))
leaves = st.one_of(numbers, st.none(), st.booleans(), st.sampled_from(["", "s"]))
lists = st.lists(st.one_of(numbers, st.sampled_from(["s"])), max_size=3)
fields = st.dictionaries(
    st.sampled_from(["n", "m", "deep", "a b"]),
    st.one_of(
        leaves,
        lists,
        st.dictionaries(
            st.sampled_from(["x", "y"]),
            st.one_of(leaves, st.dictionaries(st.just("z"), leaves)),
            max_size=2,
        ),
    ),
    max_size=4,
)


@st.composite
def transforms(draw: Any) -> list[dict]:
    found = []
    for path in draw(st.lists(st.sampled_from(PATHS), max_size=2, unique=True)):
        kind = draw(
            st.sampled_from(
                [
                    "increment",
                    "maximum",
                    "minimum",
                    "append_missing_elements",
                    "remove_all_from_array",
                    "set_to_server_value",
                ]
            )
        )
        if kind == "set_to_server_value":
            found.append({"field_path": path, kind: 1})
        elif kind in ("increment", "maximum", "minimum"):
            found.append({"field_path": path, kind: _value(draw(numbers))})
        else:
            values = [_value(value) for value in draw(lists)]
            found.append({"field_path": path, kind: {"values": values}})
    return found


@st.composite
def writes(draw: Any) -> Any:
    name = draw(st.sampled_from(NAMES))
    kind = draw(st.sampled_from(["set", "mask", "delete", "transform"]))
    if kind == "delete":
        return fold.Write(delete=name)
    if kind == "transform":
        found = draw(transforms().filter(bool))
        return fold.Write(transform={"document": name, "field_transforms": found})
    content = {key: _value(value) for key, value in draw(fields).items()}
    write = fold.Write(update={"name": name, "fields": content})
    touched: set[str] = set()
    if kind == "mask":
        paths = draw(st.lists(st.sampled_from([*PATHS, "gone"]), max_size=3, unique=True))
        write.update_mask.field_paths.extend(paths)
        write.update_mask.SetInParent()
        touched = set(paths)
    for transform in draw(transforms()):
        # A field both set and transformed is refused.
        if transform["field_path"] not in touched:
            write.update_transforms.add(**transform)
    return write


@settings(
    max_examples=int(os.environ.get("SEGUE_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(commits=st.lists(st.lists(writes(), min_size=1, max_size=3), min_size=1, max_size=8))
def test_folding_gives_what_the_emulator_holds(emulator, tmp_path, commits):
    done: list[Commit] = []
    clear = [[fold.Write(delete=name) for name in NAMES]]
    for group in clear + commits:
        request = fold.CommitRequest(database=DATABASE, writes=group).SerializeToString()
        try:
            response = emulator.call("Commit", request)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:  # type: ignore[attr-defined]
                raise
            continue
        done += committed(request, response)
    folded: dict[str, Any] = dict.fromkeys(NAMES)
    for commit in done:
        for entry in fold.entries(commit.request, commit.response):
            folded[entry.document] = fold.apply(folded[entry.document], entry)
    for name in NAMES:
        held = emulator.get(name)
        ours = None if folded[name] is None else folded[name].fields
        assert (held is None) == (ours is None)
        assert held is None or dict(held) == dict(ours)


def _set(letter: str, n: int, at: int) -> Commit:
    """A commit that sets document `letter` to {n}, at second `at`."""
    name = f"{DATABASE}/documents/fold/{letter}"
    request = fold.CommitRequest(
        writes=[fold.Write(update={"name": name, "fields": {"n": _value(n)}})]
    )
    response = fold.CommitResponse(commit_time={"seconds": at}, write_results=[{}])
    return committed(request.SerializeToString(), response.SerializeToString())[0]


async def _documents(journal: Journal) -> dict[str, int]:
    return {
        name[-1]: fold.Document.FromString(body).fields["n"].integer_value
        for name, body in await journal.page("", 100)
    }


async def test_commits_fold_in_the_order_of_their_times_not_of_their_arrival(tmp_path: Path):
    journal = Journal(tmp_path / "journal.sqlite")
    await journal.keep([_set("a", 2, at=20)])
    await journal.keep([_set("a", 1, at=10)])
    assert await journal.fold_all() == 2
    assert await _documents(journal) == {"a": 2}
    await journal.close()


async def test_only_settled_commits_fold_and_none_is_lost_by_reopening(tmp_path: Path):
    journal = Journal(tmp_path / "journal.sqlite")
    await asyncio.gather(
        journal.keep([_set("a", 1, at=10)]),
        journal.keep([_set("b", 2, at=9_000_000_000)]),
    )
    assert await journal.fold_settled() == 1
    assert await _documents(journal) == {"a": 1}
    await journal.close()
    journal = Journal(tmp_path / "journal.sqlite")
    assert await journal.counts() == (1, 1)
    assert await journal.fold_all() == 1
    assert await _documents(journal) == {"a": 1, "b": 2}
    await journal.close()


async def test_many_commits_fold_to_one_document_each(tmp_path: Path):
    journal = Journal(tmp_path / "journal.sqlite")
    await journal.keep([_set("ab"[n % 2], n, at=10 + n) for n in range(1201)])
    assert await journal.fold_all() == 1201
    assert await journal.counts() == (0, 2)
    assert await _documents(journal) == {"a": 1200, "b": 1199}
    await journal.close()
