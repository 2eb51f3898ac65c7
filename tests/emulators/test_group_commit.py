import asyncio
import sqlite3
from pathlib import Path

import pytest

from emulators.runtime.group_commit import GroupCommit

SCHEMA = "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY)"


def _insert(n: int):
    def work(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO t VALUES (?)", (n,))
        return n

    return work


def _numbers(path: Path) -> list[int]:
    with sqlite3.connect(path) as connection:
        found = [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")]
    connection.close()
    return found


async def test_awaited_work_is_committed_and_seen_from_outside(tmp_path):
    file = GroupCommit(tmp_path / "x" / "f.sqlite", SCHEMA)
    assert await asyncio.gather(*(file.submit(_insert(n)) for n in range(1000))) == list(
        range(1000)
    )
    assert _numbers(tmp_path / "x" / "f.sqlite") == list(range(1000))
    await file.close()


async def test_a_failing_piece_is_undone_alone(tmp_path):
    file = GroupCommit(tmp_path / "f.sqlite", SCHEMA)

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (7)")
        raise ValueError("on second thoughts")

    good, bad, also_good = file.submit(_insert(1)), file.submit(half), file.submit(_insert(2))
    with pytest.raises(ValueError, match="second thoughts"):
        await bad
    await asyncio.gather(good, also_good)
    assert _numbers(tmp_path / "f.sqlite") == [1, 2]
    await file.close()


async def test_futures_resolve_in_the_order_of_submission(tmp_path):
    file = GroupCommit(tmp_path / "f.sqlite", SCHEMA)
    order: list[int] = []
    futures = [file.submit(_insert(n)) for n in range(600)]
    for n, future in enumerate(futures):
        future.add_done_callback(lambda _, n=n: order.append(n))
    await asyncio.gather(*futures)
    assert order == list(range(600))
    await file.close()


async def test_close_commits_what_was_submitted(tmp_path):
    file = GroupCommit(tmp_path / "f.sqlite", SCHEMA)
    futures = [file.submit(_insert(n)) for n in range(50)]
    await file.close()
    await asyncio.gather(*futures)
    assert len(_numbers(tmp_path / "f.sqlite")) == 50


async def test_a_file_that_cannot_be_opened_is_an_error(tmp_path):
    (tmp_path / "f.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        GroupCommit(tmp_path / "f.sqlite", SCHEMA)
