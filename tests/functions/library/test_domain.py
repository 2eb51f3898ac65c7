"""Keys, logs and windows: what a shelf decides without any store."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.library import domain, folding, windows
from functions.library.domain import Entry, Gap, Item, Op, Run, Shelf, view_of
from shared.errors import Conflict
from tests.web import NOW

SHELF = "listener~track"


def entry(seq: int, *ops: Op, published: bool = True) -> Entry:
    return Entry(SHELF, seq, ops, NOW, published)


def saved(view: domain.View, *ids: str, at=NOW) -> Entry:
    return entry(view.seq + 1, *domain.save(view, {}, ids, at))


def test_the_first_of_several_becomes_the_newest_and_all_have_one_date():
    view = view_of(Shelf(SHELF), [])
    after = view_of(Shelf(SHELF), [saved(view, "a", "b", "c")])
    assert [item.item_id for item in after.front] == ["a", "b", "c"]
    assert {domain.added_at(item).replace(microsecond=0) for item in after.front} == {NOW}


def test_keys_rise_even_when_clocks_go_back():
    view = view_of(Shelf(SHELF), [])
    first = saved(view, "a", "b")
    again = view_of(Shelf(SHELF), [first])
    second = saved(again, "c", at=NOW - timedelta(days=1))
    after = view_of(Shelf(SHELF), [first, second])
    assert [item.item_id for item in after.front] == ["c", "a", "b"]
    keys = [item.key for item in after.front]
    assert keys == sorted(set(keys), reverse=True)


def test_what_is_there_keeps_its_place_and_doubles_count_once():
    view = view_of(Shelf(SHELF), [])
    ops = domain.save(view, {"a": 5}, ["a", "b", "b", "a"], NOW)
    assert [op.item_id for op in ops] == ["b"]
    assert domain.save(view, {"a": 5}, ["a"], NOW) == ()


def test_a_full_shelf_is_a_conflict_only_for_what_is_new():
    run = Run("r", domain.MAX_ITEMS, 10, 1)
    view = view_of(Shelf(SHELF, last_key=10, runs=(run,)), [])
    assert domain.save(view, {"a": 5}, ["a"], NOW) == ()
    with pytest.raises(Conflict) as caught:
        domain.save(view, {}, ["b"], NOW)
    assert caught.value.code == "LIBRARY_FULL"


def test_a_log_that_does_not_follow_on_its_shelf_is_a_gap():
    with pytest.raises(Gap):
        view_of(Shelf(SHELF, upto=3), [entry(5)])
    with pytest.raises(Gap):
        view_of(Shelf(SHELF), [entry(1), entry(3)])
    assert view_of(Shelf(SHELF, upto=3), [entry(2), entry(3), entry(4)]).seq == 4


def test_a_fold_waits_a_second_after_the_last():
    shelf = Shelf(SHELF, folded_at=NOW)
    view = view_of(shelf, [entry(1), entry(2)])
    assert not folding.is_due(view, 2, NOW + timedelta(milliseconds=999))
    assert folding.is_due(view, 2, NOW + timedelta(seconds=1))
    assert not folding.is_due(view, 3, NOW + timedelta(seconds=1))


def test_two_who_fold_the_same_log_write_the_same_runs():
    view = view_of(Shelf(SHELF), [])
    many = saved(view, *(f"{n:04d}" for n in range(2600)))
    full = view_of(Shelf(SHELF), [many])
    one, other = folding.fold(full, {}, NOW), folding.fold(full, {}, NOW)
    assert one.written == other.written
    assert [run.size for run in one.shelf.runs] == [500, 500, 500, 500]
    assert len(one.shelf.front) == 600


def test_a_fold_with_nothing_beneath_keeps_untouched_runs():
    runs = (Run("r2", 2, 40, 30), Run("r1", 2, 20, 10))
    shelf = Shelf(SHELF, upto=7, last_key=40, runs=runs)
    view = view_of(shelf, [entry(8, Op("b", 20, False))])
    assert view.counts == (2, 1)
    assert folding.touched(view) == [1]
    folded = folding.fold(view, {1: (Item("b", 20), Item("a", 10))}, NOW)
    assert folded.shelf.runs[0] == runs[0]
    assert folded.shelf.runs[1][1:] == (1, 10, 10)
    assert folded.replaced == ("r1",)


def test_a_run_that_loses_everything_goes():
    shelf = Shelf(SHELF, upto=7, last_key=40, runs=(Run("r1", 1, 10, 10),))
    view = view_of(shelf, [entry(8, Op("a", 10, False))])
    folded = folding.fold(view, {0: (Item("a", 10),)}, NOW)
    assert folded.shelf.runs == ()
    assert folded.written == {}


@given(
    sizes=st.lists(st.integers(1, 4), max_size=4),
    front=st.integers(0, 4),
    gone=st.sets(st.integers(1, 20)),
    start=st.integers(0, 25),
    limit=st.integers(1, 6),
    before=st.integers(0, 25),
)
def test_windows_are_slices_of_the_whole_list(
    sizes: list[int], front: int, gone: set[int], start: int, limit: int, before: int
):
    key, runs, contents = 1, [], []
    for size in sizes:
        items = tuple(Item(str(key + n), key + n) for n in reversed(range(size)))
        runs.insert(0, Run(f"r{key}", size, items[0].key, items[-1].key))
        contents.insert(0, items)
        key += size
    gone = {it for it in gone if it < key}
    top = tuple(Item(str(key + n), key + n) for n in reversed(range(front)))
    shelf = Shelf(SHELF, last_key=key + front, front=top, runs=tuple(runs))
    removals = [Op(str(it), it, False) for it in sorted(gone)]
    view = view_of(shelf, [entry(1, *removals)])
    whole = [*top, *(it for items in contents for it in items if it.key not in gone)]
    assert view.total == len(whole)

    def shown(first: int) -> windows.Window:
        needed = {index: contents[index] for index in windows.runs_under(view, first, limit)}
        return windows.window(view, needed, first, limit)

    assert list(shown(start).items) == whole[start : start + limit]
    assert shown(start).more == (start + limit < len(whole))
    index = windows.anchor_run(view, before)
    anchored = windows.start_of(view, before, () if index is None else contents[index])
    older = [it for it in whole if it.key < before]
    assert list(shown(anchored).items) == older[:limit]
