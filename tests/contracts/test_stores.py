"""What every collection of documents promises: the fake and Firestore's emulator alike."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import google.cloud.firestore_v1
import pytest

from shared.errors import Conflict, NotFound, TooLarge, Unavailable
from shared.gcp import firestore
from shared.gcp.documents import MAX_DOCUMENT_BYTES, Documents, to_document
from shared.gcp.memory import MemoryDocuments

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
_collections = itertools.count()


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Thing:
    id: str
    at: datetime
    count: int = 0
    due_at: datetime | None = None
    data: bytes = b""
    parts: tuple[Part, ...] = ()
    by_key: Mapping[str, Part] = field(default_factory=dict)
    words: tuple[str, ...] = ()


@pytest.fixture(params=["memory", "emulator"])
async def things(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Documents[Thing]]:
    if request.param == "memory":
        yield MemoryDocuments(Thing, "thing")
        return
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", request.getfixturevalue("firestore_emulator"))
    client = firestore.client("segue-contract")
    collection = f"things-{next(_collections)}"
    yield firestore.FirestoreDocuments(client, collection, Thing, "thing")
    await client._firestore_api.transport.close()


async def test_put_then_find_gives_the_same_value(things: Documents[Thing]):
    thing = Thing(
        "a",
        AT,
        count=2**53,
        due_at=AT + timedelta(microseconds=1),
        data=bytes(range(256)),
        parts=(Part("é\x00日本", 0.1), Part("", None)),
        by_key={"x.y": Part("dot"), "`": Part("tick"), "0": Part("zero")},
        words=("one", "two"),
    )
    await things.put("a", thing)
    assert await things.find("a") == thing
    assert await things.get("a") == thing


async def test_put_replaces_the_whole_document(things: Documents[Thing]):
    await things.put("a", Thing("a", AT, by_key={"x": Part("1"), "y": Part("2")}))
    await things.put("a", Thing("a", AT, by_key={"z": Part("3")}))
    assert (await things.get("a")).by_key == {"z": Part("3")}


async def test_absent_document_is_none_or_a_named_error(things: Documents[Thing]):
    assert await things.find("nobody") is None
    with pytest.raises(NotFound) as caught:
        await things.get("nobody")
    assert caught.value.code == "THING_NOT_FOUND"


async def test_create_refuses_what_exists(things: Documents[Thing]):
    await things.create("a", Thing("a", AT, count=1))
    with pytest.raises(Conflict) as caught:
        await things.create("a", Thing("a", AT, count=2))
    assert caught.value.code == "ALREADY_EXISTS"
    assert (await things.get("a")).count == 1


async def test_the_same_create_again_is_a_retry_and_no_conflict(things: Documents[Thing]):
    for _ in range(2):
        await things.create("a", Thing("a", AT, parts=(Part("x"),), by_key={"k": Part("v")}))
    assert (await things.get("a")).parts == (Part("x"),)


async def test_of_many_claims_exactly_one_stands(things: Documents[Thing]):
    claims = await asyncio.gather(
        *(things.claim("a", Thing("a", AT, count=number)) for number in range(8))
    )
    assert len({claim.count for claim in claims}) == 1
    assert await things.get("a") == claims[0]


async def test_find_many_leaves_out_what_is_absent_and_repeated(things: Documents[Thing]):
    for id in ("a", "b"):
        await things.put(id, Thing(id, AT))
    found = await things.find_many(["b", "x", "a", "b"])
    assert found == {"a": Thing("a", AT), "b": Thing("b", AT)}
    assert await things.find_many([]) == {}


async def test_update_makes_changes_and_leaves(things: Documents[Thing]):
    made = await things.update("a", lambda known: Thing("a", AT) if known is None else None)
    assert made == Thing("a", AT)
    assert await things.update("a", lambda known: None) == made
    after = await things.update("a", lambda known: replace(known or made, by_key={"k": Part("v")}))
    assert after == await things.get("a")
    gone = await things.update("a", lambda known: replace(known or made, by_key={}))
    assert gone is not None
    assert (await things.get("a")).by_key == {}
    assert await things.update("nobody", lambda known: None) is None
    assert await things.find("nobody") is None


async def test_concurrent_updates_lose_none(things: Documents[Thing]):
    async def add(number: int) -> None:
        await things.update(
            "a",
            lambda known: replace(
                known or Thing("a", AT),
                count=(known.count if known else 0) + 1,
                words=(*(known.words if known else ()), str(number)),
            ),
        )

    await asyncio.gather(*(add(number) for number in range(6)))
    thing = await things.get("a")
    assert thing.count == 6
    assert sorted(thing.words) == [str(number) for number in range(6)]


async def test_update_gives_up_when_others_are_always_quicker(things: Documents[Thing]):
    await things.put("a", Thing("a", AT))
    tries = 0

    def change(known: Thing | None) -> Thing | None:
        nonlocal tries
        tries += 1
        write_behind(things, "a", Thing("a", AT, count=tries))
        return replace(known or Thing("a", AT), count=-1)

    with pytest.raises(Unavailable) as caught:
        await things.update("a", change)
    assert caught.value.code == "CONTENDED"
    assert (await things.get("a")).count == tries > 3


async def test_update_sees_a_document_that_appears_meanwhile(things: Documents[Thing]):
    def change(known: Thing | None) -> Thing | None:
        if known is None:
            write_behind(things, "a", Thing("a", AT, count=1))
            return Thing("a", AT, count=100)
        return replace(known, count=known.count + 1)

    assert await things.update("a", change) == Thing("a", AT, count=2)


def write_behind(things: Documents[Thing], id: str, value: Thing) -> None:
    """Write as another process would, between a read and its write."""
    if isinstance(things, MemoryDocuments):
        things._write(id, value)
        return
    other = google.cloud.firestore_v1.Client(project="segue-contract")
    other.collection(things._collection.id).document(id).set(to_document(value))


async def test_page_orders_limits_and_offsets(things: Documents[Thing]):
    for number in range(5):
        await things.put(f"t{number}", Thing(f"t{number}", AT + timedelta(seconds=number)))
    newest = await things.page("at", descending=True, limit=2, offset=1)
    assert [thing.id for thing in newest] == ["t3", "t2"]
    assert [thing.id for thing in await things.page("at", limit=2)] == ["t0", "t1"]
    assert await things.page("at", limit=2, offset=9) == []
    assert await things.count() == 5


async def test_until_gives_what_is_due_oldest_first_and_never_null(things: Documents[Thing]):
    for id, seconds in (("late", 60), ("now", 0), ("old", -60), ("never", None)):
        due_at = None if seconds is None else AT + timedelta(seconds=seconds)
        await things.put(id, Thing(id, AT, due_at=due_at))
    assert [thing.id for thing in await things.until("due_at", AT)] == ["old", "now"]
    assert [thing.id for thing in await things.until("due_at", AT, limit=1)] == ["old"]


async def test_scan_goes_on_from_where_it_was_whatever_is_written_meanwhile(
    things: Documents[Thing],
):
    for id in "abcdef":
        await things.put(id, Thing(id, AT, words=("x", id)))
    first = await things.scan(limit=2)
    await things.put("aa", Thing("aa", AT))
    rest = await things.scan(after=first[-1].id)
    assert [thing.id for thing in first + rest] == ["a", "b", "c", "d", "e", "f"]
    down = await things.scan(order_by="id", descending=True, after="d")
    assert [thing.id for thing in down] == ["c", "b", "aa", "a"]


async def test_scan_and_count_find_what_a_list_holds(things: Documents[Thing]):
    for id, words in (("a", ("x", "y")), ("b", ("y",)), ("c", ()), ("d", ("x",))):
        await things.put(id, Thing(id, AT, words=words))
    assert [thing.id for thing in await things.scan(("words", ["x"]))] == ["a", "d"]
    both = ("words", ["x", "y"])
    assert [thing.id for thing in await things.scan(both)] == ["a", "b", "d"]
    assert [thing.id for thing in await things.scan(both, after="a", limit=1)] == ["b"]
    turned = await things.scan(("words", ["x"]), order_by="id", descending=True)
    assert [thing.id for thing in turned] == ["d", "a"]
    assert await things.count(both) == 3
    assert await things.count(("words", ["z"])) == 0


async def test_many_are_created_at_once_and_what_was_there_stays(things: Documents[Thing]):
    await things.put("t3", Thing("t3", AT, count=99))
    values = {
        f"t{number}": Thing(
            f"t{number}", AT + timedelta(microseconds=number), number, AT, b"\0\xff",
            (Part("é", 0.5), Part("", None)), {"k": Part("v")}, ("w",),
        )
        for number in range(1100)
    }  # fmt: skip
    assert await things.create_many(values) == {"t3"}
    assert (await things.get("t3")).count == 99
    assert await things.get("t1099") == values["t1099"]
    assert await things.create_many({"t1": values["t2"]}) == {"t1"}
    assert await things.count() == 1100


async def test_many_are_changed_at_once_each_as_it_stands(things: Documents[Thing]):
    for number in range(3):
        await things.put(f"t{number}", Thing(f"t{number}", AT, count=number))
    raced = False

    def add(known: Thing | None) -> Thing | None:
        return None if known is None else replace(known, count=known.count + 10)

    def late(known: Thing | None) -> Thing | None:
        nonlocal raced
        if not raced:
            raced = True
            write_behind(things, "t1", Thing("t1", AT, count=100))
        return add(known)

    found = await things.update_many(
        {"t0": add, "t1": late, "t2": lambda known: None, "new": lambda known: Thing("new", AT)}
        | {"absent": add}
    )
    counts = {id: thing and thing.count for id, thing in found.items()}
    assert counts == {"t0": 10, "t1": 110, "t2": 2, "new": 0, "absent": None}
    assert (await things.get("t1")).count == 110
    assert await things.count() == 4


async def test_a_document_above_the_limit_is_refused_by_name(things: Documents[Thing]):
    with pytest.raises(TooLarge) as caught:
        await things.put("a", Thing("a", AT, data=bytes(MAX_DOCUMENT_BYTES)))
    assert caught.value.code == "DOCUMENT_TOO_LARGE"
    await things.put("a", Thing("a", AT, data=bytes(MAX_DOCUMENT_BYTES - 1000)))
    assert len((await things.get("a")).data) == MAX_DOCUMENT_BYTES - 1000


async def test_firestore_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    client = firestore.client("segue-contract")
    things = firestore.FirestoreDocuments(client, "things", Thing, "thing", patience_s=0.5)
    with pytest.raises(Unavailable):
        await things.find("a")
    with pytest.raises(Unavailable):
        await things.put("a", Thing("a", AT))
    await client._firestore_api.transport.close()


async def test_delete_many_removes_what_is_there_and_no_more(things: Documents[Thing]):
    for id in ("a", "b", "c"):
        await things.put(id, Thing(id, AT))
    await things.delete_many(["a", "x", "c", "a"])
    await things.delete_many([])
    assert await things.find_many(["a", "b", "c"]) == {"b": Thing("b", AT)}
    await things.create("a", Thing("a", AT, count=2))
    assert (await things.get("a")).count == 2


async def test_put_many_replaces_and_makes(things: Documents[Thing]):
    await things.put("a", Thing("a", AT, count=1, words=("x",)))
    await things.put_many({"a": Thing("a", AT, count=2), "b": Thing("b", AT)})
    await things.put_many({})
    found = await things.find_many(["a", "b"])
    assert found == {"a": Thing("a", AT, count=2), "b": Thing("b", AT)}
