"""What is handed out: tables that spreadsheets read, pages that nobody can break, usage reports."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from functions.royalties import dsr, page, statements
from functions.royalties.closing import Adjustment
from functions.royalties.dsr import Sender
from functions.royalties.statements import Document, Item
from functions.royalties.warehouse import Described

SENDER = Sender("PADPIDA0000000000X", "Segue")
AT = datetime(2026, 10, 6, tzinfo=UTC)


def item(number: int = 0, **changes: object) -> Item:
    told = Described(
        f"Song {number}", "Ada, Grace", "SEABC2600001", "T-034.524.680-1", "Album", None, "Blå",
        200_500,
    )  # fmt: skip
    it = Item("SE", "premium", f"track-{number}", told, "2026-09", 10, True, "SEK", 12_345)
    return replace(it, **changes)


def document(*items: Item, **changes: object) -> Document:
    it = Document(
        "payee", "Ljud & <Bild>", "2026-09", "final", AT, "abc", items, (), (),
        {"SEK": sum(each.amount for each in items)}, {"TOO_SHORT": 3},
    )  # fmt: skip
    return replace(it, **changes)


def test_a_statement_survives_being_kept():
    it = document(item(1), item(2))
    assert statements.from_bytes(statements.to_bytes(it)) == it


def test_the_table_adds_up_and_starts_no_formula():
    evil = replace(item().told, title='=HYPERLINK("http://evil")', artists="+1,\n2")
    it = document(
        item(told=evil),
        item(1, amount=-5),
        adjustments=(Adjustment("id", "adjustment", "SEK", -100, None, "@SUM(A1)"),),
        totals={"SEK": 12_240},
    )
    rows = list(csv.DictReader(io.StringIO(statements.to_csv(it), newline="")))
    assert [row["amount"] for row in rows] == ["123.45", "-0.05", "-1.00", "122.40"]
    for row in rows:
        for name in ("title", "artists", "reason"):
            assert not row[name].startswith(("=", "+", "@"))


def test_the_page_shows_texts_and_runs_none():
    it = document(item(told=replace(item().told, title="<script>alert(1)</script>")))
    text = page.page(it)
    assert "<script" not in text
    assert "Ljud &amp; &lt;Bild&gt;" in text
    assert "123.45 SEK" in text
    assert "<svg" in text
    assert "heard for less than 30 s" in text


def test_the_page_of_thousands_of_lines_stays_small():
    text = page.page(document(*(item(it) for it in range(3000))))
    assert len(text) < 200_000
    assert "2,800 lines more are in the CSV" in text
    assert "2,985 more" in text


def test_the_page_keeps_currencies_apart_and_shows_what_was_taken_back():
    it = document(
        item(1, amount=30_000),
        item(2, amount=-10_000),
        item(3, amount=0),
        item(4, territory="DE", currency="EUR", amount=500),
        totals={"EUR": 500, "SEK": -30_000},
    )
    text = page.page(it)
    assert "<b>5.00 EUR</b>to be paid" in text
    assert "<b>-300.00 SEK</b>owed by the payee" in text
    euro, krona = text.index("Lines, in EUR"), text.index("Lines, in SEK")
    assert euro < text.index("By track, in SEK") < krona
    assert "Song 4" not in text[text.index("By track, in SEK") :]
    # Zero lies a quarter from the left: 100.00 were taken back, 300.00 earned.
    assert '<rect class="plus" x="250" width="750"' in text
    assert '<rect class="minus" x="0" width="250"' in text
    assert '<rect class="plus" x="250" width="0"' in text


def test_the_page_of_a_payee_with_nothing_says_so():
    text = page.page(document(totals={}, status="provisional"))
    assert "<b>0</b>nothing to be paid" in text
    assert "Lines" not in text
    assert "until 6 October 2026, 00:00 UTC. It will change." in text


def records(text: str) -> list[list[str]]:
    assert text.endswith("\n")
    return [line.split("\t") for line in text[:-1].split("\n")]


def test_a_usage_report_counts_its_lines_summaries_and_blocks():
    it = document(
        item(1),
        item(1, of_period="2026-08", plays=1, amount=5),
        item(1, territory="NO", currency="NOK"),
        item(2, told=replace(item(2).told, upc="012345678905")),
    )
    found = records(dsr.flat_file(it, SENDER, AT))
    kinds = [cells[0] for cells in found]
    assert kinds == ["HEAD", "SY05", "SY05", "AS02.01", "SU02", "SU02", "RE01", "AS02.01", "SU02",
                     "FOOT"]  # fmt: skip
    assert found[-1] == ["FOOT", "10", "10", "2", "2", "2"]
    cells = {"HEAD": 16, "SY05": 17, "AS02.01": 21, "SU02": 10, "RE01": 15, "FOOT": 6}
    assert all(len(it) == cells[it[0]] for it in found)
    streams = sum(int(it[7]) for it in found if it[0] == "SU02")
    assert streams == sum(int(it[12]) for it in found if it[0] == "SY05") == 31
    swedish = next(it for it in found if it[0] == "SY05" and it[6] == "SE")
    assert swedish[14] == "246.95"
    recording = next(it for it in found if it[0] == "AS02.01")
    assert recording[9] == "PT3M20.5S"
    assert re.fullmatch(r"T[0-9]{10}", recording[11])


def test_texts_cannot_break_a_report_into_more_cells():
    evil = replace(item().told, title="a\tb\nc|d\\e")
    found = records(dsr.flat_file(document(item(told=evil)), SENDER, AT))
    assert next(it[5] for it in found if it[0] == "AS02.01") == "a b c\\|d\\\\e"


def test_a_report_of_nothing_is_head_and_foot():
    found = records(dsr.flat_file(document(), SENDER, AT))
    assert [it[0] for it in found] == ["HEAD", "FOOT"]
    assert found[-1][1] == "2"


@pytest.mark.parametrize(
    ("payee", "name", "party_id", "named"),
    [
        ("PADPIDA2007040502I", "Blå Skivor", "PADPIDA2007040502I", "PADPIDA2007040502I"),
        ("PA-DPIDA-2007040502-I", "Blå Skivor", "PADPIDA2007040502I", "PADPIDA2007040502I"),
        ("PADPIDA2007040502X", "Wrong_Check & Co", "", "WrongCheckCo"),
        ("payee", "Blå Skivor", "", "BlaSkivor"),
        ("payee", "音楽", "", ""),
    ],
)
def test_a_files_name_and_its_head_name_one_recipient(
    payee: str, name: str, party_id: str, named: str
):
    it = document(item(), payee=payee, name=name)
    head = records(dsr.flat_file(it, SENDER, AT))[0]
    assert (head[10], head[13], head[14]) == (SENDER.party_id, party_id, name)
    assert dsr.file_name(it, SENDER, AT) == (
        f"DSR_{named}_{SENDER.party_id}_Segue_2026-09_SE_1of1_20261006T000000.tsv"
    )
