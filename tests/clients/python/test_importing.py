"""`segue import`: chunks that never change, runs that go on, a report by line of the file."""

import gzip
import json
from pathlib import Path

import pytest
from segue import importing
from segue.client import Client
from segue.errors import Unreachable
from segue.importing import MAX_LINE_BYTES, Refused, chunks

from tests.clients.fake import FakeSegue
from tests.clients.python.test_command_line import Run, segue

__all__ = ["segue"]  # the fixture


def catalog(folder: Path, *lines: str) -> Path:
    path = folder / "catalog.jsonl"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_chunks_hold_every_line_once_and_know_where_they_begin(tmp_path: Path):
    path = catalog(tmp_path, *(f'{{"n":{n}}}' for n in range(7)))
    found = list(chunks(path, 3))
    assert [(it.number, it.first) for it in found] == [(0, 1), (1, 4), (2, 7)]
    assert b"".join(it.body for it in found) == path.read_bytes()
    assert found[-1].end == path.stat().st_size
    packed = tmp_path / "catalog.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert [it.body for it in chunks(packed, 3)] == [it.body for it in found]


def test_a_chunk_is_no_larger_than_the_catalog_takes(tmp_path: Path):
    path = catalog(tmp_path, *["{" + "x" * 60_000 for _ in range(200)])
    found = list(chunks(path, 1000))
    assert all(len(it.body) <= importing.MAX_CHUNK_BYTES for it in found)
    assert b"".join(it.body for it in found) == path.read_bytes()


def test_an_endless_line_is_cut_and_the_next_one_is_itself(tmp_path: Path):
    path = catalog(tmp_path, "{" + "x" * (3 << 20), '{"n":2}', "y" * MAX_LINE_BYTES)
    (found,) = chunks(path, 10)
    first, second, third, rest = found.body.split(b"\n")
    assert MAX_LINE_BYTES < len(first) < MAX_LINE_BYTES + 10
    assert (second, third, rest) == (b'{"n":2}', b"y" * MAX_LINE_BYTES, b"")


def test_an_empty_file_is_an_import_of_nothing(tmp_path: Path):
    assert list(chunks(catalog(tmp_path), 3)) == []


def test_a_run_that_was_cut_short_goes_on_and_reports_the_whole(
    fake: FakeSegue, client: Client, tmp_path: Path
):
    path = catalog(tmp_path, "{}", "wrong", "{}", "{}", "", "{}", "wrong too", "{}")
    import_id, most = importing.begin(client)

    def stop(so_far: importing.Progress) -> None:
        raise Unreachable("the line is cut")

    with pytest.raises(Unreachable):
        importing.send(client, path, import_id, most, told=stop)
    since = importing.next_chunk(client, import_id)
    report = importing.send(client, path, import_id, most, since=since)
    assert since == 1
    assert [body.count(b"\n") for body in fake.imports[import_id].values()] == [3, 3, 2]
    assert fake.calls[f"PUT /v1/catalog/imports/{import_id}/chunks/0"] == 1
    assert (report.lines, report.made) == (7, 5)
    assert report.refused == (
        Refused(2, "INVALID_LINE", "no JSON"),
        Refused(7, "INVALID_LINE", "no JSON"),
    )


def test_the_command_says_what_was_refused_and_where(segue: Run, tmp_path: Path):
    catalog(tmp_path, "{}", "wrong", "{}", "{}", "{}")
    done = segue("import", "catalog.jsonl", "--report", "refused.jsonl")
    assert done.returncode == 1
    assert done.stdout.startswith("5 lines: 4 made, 0 changed, 0 unchanged, 1 refused (import ")
    assert "catalog.jsonl:2: no JSON [INVALID_LINE]" in done.stderr
    written = [json.loads(it) for it in (tmp_path / "refused.jsonl").read_text().splitlines()]
    assert written == [{"line": 2, "reason": "INVALID_LINE", "message": "no JSON"}]


def test_an_import_that_the_host_forgot_begins_anew(segue: Run, fake: FakeSegue, tmp_path: Path):
    catalog(tmp_path, "{}", "{}", "{}", "{}")
    fake.max_lines = 0
    cut = segue("import", "catalog.jsonl")
    assert cut.returncode == 1
    assert "[TOO_MANY_LINES]" in cut.stderr
    fake.max_lines = 3
    fake.imports.clear()
    again = segue("import", "catalog.jsonl")
    assert again.returncode == 0, again.stderr
    assert "4 lines: 4 made" in again.stdout
    assert "going on" not in again.stderr


def test_a_message_is_sent_whole(segue: Run, tmp_path: Path):
    (tmp_path / "release.xml").write_text("<ern/>")
    done = segue("import", "release.xml")
    assert done.returncode == 1
    assert done.stdout == "message M1: 3 made, 0 changed, 0 unchanged, 1 refused\n"
    assert "release.xml:9: wrong [INVALID_ISRC]" in done.stderr


def test_no_such_file_is_said_before_anything_is_sent(segue: Run, fake: FakeSegue):
    done = segue("import", "nowhere.jsonl")
    assert done.returncode == 2
    assert not fake.imports
