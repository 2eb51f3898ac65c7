"""Instances that follow one log, generations that come between, and crashes anywhere."""

from datetime import date
from pathlib import Path

import pytest

from functions.search import kinds
from functions.search.build import Lost
from functions.search.generation import MANIFEST
from functions.search.live import ASLEEP_S, MANIFEST_POLL_S, Live
from functions.search.query import parse
from functions.search.schema import FORMAT
from shared.errors import Unavailable
from tests.functions.search.catalog import artist, track
from tests.functions.search.fakes import Cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path)


async def found(live: Live, text: str, kind: str = "track") -> list[str]:
    await live.catch_up()
    indexes = await live.fresh()
    hits = indexes[kind].search(
        parse(text), market=None, limit=10, offset=0, today=date(2026, 3, 1)
    )
    await live.stop()
    return [hit.id.rstrip("0") for hit in hits.items]


async def say(live: Live, *events) -> None:
    for event in events:
        await live.append(kinds.KINDS["track"].document(event))


async def test_every_instance_finds_what_one_was_told(cloud: Cloud):
    one, two = cloud.instance("one"), cloud.instance("two")
    await two.catch_up()
    await say(one, track("a", "Halo"))
    assert await found(one, "halo") == ["a"]
    assert await found(two, "halo") == ["a"]


async def test_two_instances_append_without_losing_each_others_changes(cloud: Cloud):
    one, two = cloud.instance("one"), cloud.instance("two")
    for number in range(5):
        await say(one, track(f"one{number}", "Even"))
        await say(two, track(f"two{number}", "Odd"))
    third = cloud.instance("three")
    assert len(await found(third, "even")) == 5
    assert len(await found(third, "odd")) == 5
    assert await cloud.chunks.count() == 10


async def test_changes_that_arrive_together_share_a_chunk(cloud: Cloud):
    import asyncio

    live = cloud.instance()
    await live.catch_up()
    await asyncio.gather(*(say(live, track(f"t{number}x", "Song")) for number in range(50)))
    assert await cloud.chunks.count() < 10
    assert len(await found(cloud.instance("other"), "song")) == 10


async def test_a_new_instance_opens_the_generation_and_the_log_since(cloud: Cloud):
    live = cloud.instance()
    await say(live, track("a", "Alpha"), track("b", "Beta"), track("c", "Gamma"))
    manifest = await cloud.build()
    assert manifest is not None
    assert not isinstance(manifest, Lost)
    assert manifest.counts == {"track": 3}
    await say(
        live,
        track("a", "Renamed", revision=2),
        track("b", "Beta", revision=2, removed=True),
        track("d", "Delta"),
    )
    for instance in (live, cloud.instance("fresh")):
        assert await found(instance, "alpha") == []
        assert await found(instance, "renamed") == ["a"]
        assert await found(instance, "beta") == []
        assert await found(instance, "gamma") == ["c"]
        assert await found(instance, "delta") == ["d"]


async def test_an_instance_moves_to_a_newer_generation_without_a_gap(cloud: Cloud):
    live = cloud.instance()
    await say(live, track("a", "Alpha"))
    await cloud.build()
    await say(live, track("b", "Beta"))
    cloud.clock.s += MANIFEST_POLL_S + 1
    assert live.behind == 2
    assert await found(live, "alpha") == ["a"]
    assert live.behind == 1
    assert await found(live, "beta") == ["b"]
    assert len(list((cloud.folder / "one").iterdir())) == 1, "the old copy is cleared away"


async def test_generations_fold_into_each_other_and_remember_what_is_gone(cloud: Cloud):
    live = cloud.instance()
    await say(live, track("a", "Alpha"), track("b", "Beta"))
    await cloud.build()
    await say(live, track("a", "Alpha", revision=5, removed=True))
    await cloud.build()
    # Delivered late, after both generations: must not come back to life.
    await say(live, track("a", "Alpha", revision=4))
    fresh = cloud.instance("fresh")
    assert await found(fresh, "alpha") == []
    await cloud.build()
    assert await found(cloud.instance("again"), "alpha") == []
    assert await found(cloud.instance("again2"), "beta") == ["b"]


async def test_nothing_is_built_when_nothing_changed(cloud: Cloud):
    assert await cloud.build() is None
    await say(cloud.instance(), track("a", "Alpha"))
    assert await cloud.build() is not None
    assert await cloud.build() is None


async def test_of_two_jobs_at_once_one_publishes(cloud: Cloud, monkeypatch):
    await say(cloud.instance(), track("a", "Alpha"))
    from functions.search import build

    publish = build.generation.publish

    def late(shelf, manifest, version):
        shelf.swap(MANIFEST, shelf.read(MANIFEST)[0] if shelf.read(MANIFEST) else b"{}", version)
        return publish(shelf, manifest, version)

    monkeypatch.setattr(build.generation, "publish", late)
    assert isinstance(await cloud.build(), Lost)
    chunk = await cloud.chunks.find(f"{1:012}")
    assert chunk is not None
    assert chunk.expires_at is None, "what is in no generation must not expire"


async def test_a_crash_between_upload_and_manifest_loses_nothing(cloud: Cloud, monkeypatch):
    await say(cloud.instance(), track("a", "Alpha"))
    from functions.search import build

    def crash(*_: object) -> bool:
        raise Unavailable("killed")

    with monkeypatch.context() as patched:
        patched.setattr(build.generation, "publish", crash)
        with pytest.raises(Unavailable):
            await cloud.build()
    assert await found(cloud.instance("after"), "alpha") == ["a"]
    await cloud.build()
    assert await found(cloud.instance("later"), "alpha") == ["a"]


async def test_old_generations_are_cleared_and_their_chunks_expire(cloud: Cloud):
    live = cloud.instance()
    for number in range(6):
        await say(live, track(f"t{number}x", "Song"))
        await cloud.build()
    numbers = {name.split("/")[1][:8] for name in cloud.shelf.objects if "/" in name}
    assert numbers == {"00000004", "00000005", "00000006"}
    for number in range(1, 7):
        chunk = await cloud.chunks.get(f"{number:012}")
        assert chunk.expires_at is not None


async def test_a_sleeper_does_not_write_where_chunks_have_expired(cloud: Cloud):
    sleeper, awake = cloud.instance("sleeper"), cloud.instance("awake")
    await sleeper.catch_up()
    await say(awake, track("a", "Alpha"), track("b", "Beta"))
    await cloud.build()
    cloud.chunks._documents.clear()  # what Firestore does with expired ones
    cloud.clock.s += ASLEEP_S + 1
    await say(sleeper, track("c", "Gamma"))
    assert await cloud.chunks.find(f"{3:012}") is not None
    assert await found(cloud.instance("fresh"), "gamma") == ["c"]
    assert await found(cloud.instance("fresh2"), "alpha") == ["a"]


async def test_a_merged_artist_is_found_no_more(cloud: Cloud):
    live = cloud.instance()
    document = kinds.KINDS["artist"].document
    await live.append(document(artist("old", "Prinse")))
    assert await found(live, "prinse", "artist") == ["old"]
    await live.append(document(artist("old", "Prinse", revision=2, merged_into="x" * 22)))
    assert await found(live, "prinse", "artist") == []


async def test_search_answers_from_what_it_has_while_the_log_is_away(cloud: Cloud, monkeypatch):
    live = cloud.instance()
    await say(live, track("a", "Alpha"))

    async def away(id: str) -> None:
        raise Unavailable("Firestore is away")

    monkeypatch.setattr(cloud.chunks, "find", away)
    cloud.clock.s += 60
    indexes = await live.fresh()
    await live.stop()
    assert indexes["track"].count == 1


async def test_before_anything_is_opened_it_says_so(cloud: Cloud):
    cloud.shelf.broken = True
    live = cloud.instance()
    with pytest.raises(Unavailable) as refused:
        await live.fresh()
    await live.stop()
    assert refused.value.code == "STARTING"


def to_the_old_format(cloud: Cloud) -> None:
    """The generation as a release before this one left it: no cards, another manifest."""
    shelf = cloud.shelf
    shelf.objects[f"manifest-{FORMAT - 1}.json"] = shelf.objects.pop(MANIFEST)
    for name in [it for it in shelf.objects if it.endswith("/cards")]:
        del shelf.objects[name]


async def test_a_new_format_takes_over_what_the_old_one_knew(cloud: Cloud):
    live = cloud.instance()
    await say(live, track("a", "Alpha"), track("b", "Beta"), track("c", "Gone"))
    await say(live, track("c", "Gone", revision=3, removed=True))
    await cloud.build()
    to_the_old_format(cloud)
    cloud.chunks._documents.clear()  # expired, for a generation has them
    first = cloud.instance("first")
    assert await found(first, "alpha") == ["a"]
    assert first.outdated
    await say(first, track("d", "Delta"), track("c", "Gone", revision=2))
    rebuilt = await cloud.build()
    assert rebuilt is not None
    assert MANIFEST in cloud.shelf.objects
    fresh = cloud.instance("fresh")
    assert await found(fresh, "beta") == ["b"]
    assert await found(fresh, "delta") == ["d"]
    assert await found(fresh, "gone") == []
    assert not fresh.outdated
