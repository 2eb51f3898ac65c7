"""What was read a moment ago is not read again; what leads elsewhere is followed, rings too."""

from dataclasses import dataclass

from shared.gcp.memory import MemoryDocuments
from shared.gcp.recent import MAX_HOPS, Recent


@dataclass(frozen=True, slots=True)
class Sign:
    to: tuple[str, ...]


class Time:
    s = 0.0

    def __call__(self) -> float:
        return self.s


async def signs(**to: str) -> tuple[Recent[Sign], MemoryDocuments[Sign], Time]:
    documents, time = MemoryDocuments(Sign, "sign"), Time()
    for id, others in to.items():
        await documents.put(id, Sign(tuple(others)))
    return Recent(documents, ttl_s=10, clock=time), documents, time


async def test_only_what_is_there_is_remembered_and_only_for_a_while():
    recent, documents, time = await signs(a="")
    assert set(await recent.many(["a", "b", "a"])) == {"a"}
    documents.reads = 0
    await recent.many(["a"])
    assert documents.reads == 0
    await recent.many(["b"])
    assert documents.reads == 1
    time.s = 10
    await recent.many(["a"])
    assert documents.reads == 2


async def test_what_is_written_through_it_is_seen_at_once():
    recent, _, _ = await signs(a="x")
    await recent.many(["a"])
    await recent.apply("a", lambda known: Sign(("y",)))
    assert (await recent.many(["a"]))["a"].to == ("y",)
    recent.remember("a", Sign(("z",)))
    assert (await recent.many(["a"]))["a"].to == ("z",)


async def test_a_chase_follows_every_way_and_ends_in_rings_and_nowhere():
    recent, documents, _ = await signs(a="bc", b="a", c="x", d="d")
    documents.reads = 0
    found = await recent.chased(["a", "d", "nowhere"], lambda it: it.to)
    assert set(found) == {"a", "b", "c", "d"}
    assert documents.reads == 6


async def test_a_chase_is_not_endless():
    ways = {f"s{n}": Sign((f"s{n + 1}",)) for n in range(2 * MAX_HOPS)}
    documents = MemoryDocuments(Sign, "sign")
    await documents.put_many(ways)
    recent = Recent(documents, ttl_s=1, clock=Time())
    assert len(await recent.chased(["s0"], lambda it: it.to)) == MAX_HOPS
