"""The peers of `benchmarks.search`: each as its own documentation shows, one index a kind."""

import csv
import re
import sqlite3
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import psutil

from benchmarks.search_corpus import Row

_WORD = re.compile(r"\w+")


class Missing(Exception):
    """A peer that cannot be had here."""


def _by_kind(rows: list[Row]) -> dict[str, list[Row]]:
    return {kind: list(group) for kind, group in groupby(rows, key=attrgetter("kind"))}


def _text(row: Row) -> str:
    return f"{row.name} {row.by} {row.album}"


class ExactNames:
    """A dict from the lower-cased name, and name with maker, to ids: the least that finds."""

    def __init__(self, rows: list[Row]) -> None:
        self._ids: dict[tuple[str, str], list[str]] = {}
        for row in rows:
            for text in {row.name, f"{row.name} {row.by}".strip()}:
                self._ids.setdefault((row.kind, text.lower()), []).append(row.id)

    def find(self, kind: str, text: str) -> list[str]:
        return self._ids.get((kind, text.lower()), [])[:10]


class Bm25s:
    """bm25s with its default tokenizer, without stop words: titles are made of them."""

    def __init__(self, rows: list[Row], folder: Path) -> None:
        try:
            import bm25s
        except ImportError as error:
            raise Missing(str(error)) from error
        self._module = bm25s
        before = psutil.Process().memory_info().rss
        self._indexes: dict[str, tuple[Any, list[str]]] = {}
        for kind, group in _by_kind(rows).items():
            tokens = bm25s.tokenize(
                [_text(row) for row in group], stopwords=[], show_progress=False
            )
            index = bm25s.BM25()
            index.index(tokens, show_progress=False)
            self._indexes[kind] = index, [row.id for row in group]
        self._rss = psutil.Process().memory_info().rss - before

    def find(self, kind: str, text: str) -> list[str]:
        index, ids = self._indexes[kind]
        tokens: Any = self._module.tokenize([text], stopwords=[], show_progress=False)
        if not tokens.vocab:
            return []
        found, scores = index.retrieve(tokens, k=min(10, len(ids)), show_progress=False)
        return [ids[at] for at, score in zip(found[0], scores[0], strict=True) if score > 0]

    def megabytes(self) -> float:
        return self._rss / 1e6

    def close(self) -> None:
        self._indexes.clear()


class Fts5:
    """SQLite FTS5: all words, the last one as a prefix, ordered by its BM25."""

    def __init__(self, rows: list[Row], folder: Path) -> None:
        folder.mkdir()
        self._file = folder / "fts5.db"
        self._db = sqlite3.connect(self._file)
        self._db.execute("PRAGMA journal_mode=OFF")
        for kind, group in _by_kind(rows).items():
            self._db.execute(
                f"CREATE VIRTUAL TABLE {kind}s USING fts5(id UNINDEXED, name, by, album,"
                " prefix='2 3', tokenize='unicode61 remove_diacritics 2')"
            )
            values = ((row.id, row.name, row.by, row.album) for row in group)
            self._db.executemany(f"INSERT INTO {kind}s VALUES (?, ?, ?, ?)", values)
            self._db.execute(f"INSERT INTO {kind}s({kind}s) VALUES ('optimize')")
        self._db.commit()

    def find(self, kind: str, text: str) -> list[str]:
        words = [f'"{word}"' for word in _WORD.findall(text)]
        if not words:
            return []
        sql = f"SELECT id FROM {kind}s WHERE {kind}s MATCH ? ORDER BY rank LIMIT 10"
        return [id for (id,) in self._db.execute(sql, (" ".join(words) + "*",))]

    def megabytes(self) -> float:
        return self._file.stat().st_size / 1e6

    def close(self) -> None:
        self._db.close()


class DuckDb:
    """DuckDB's full-text search without stemming and stop words; its extension is on PyPI."""

    def __init__(self, rows: list[Row], folder: Path) -> None:
        try:
            import duckdb
            import duckdb_extension_fts
        except ImportError as error:
            raise Missing(str(error)) from error
        folder.mkdir()
        self._file = folder / "fts.duckdb"
        self._db = duckdb.connect(str(self._file), config={"threads": 1})
        home = Path(str(duckdb_extension_fts.__file__)).parent
        extension = next(home.rglob("fts.duckdb_extension"))
        self._db.execute(f"LOAD '{extension}'")
        for kind, group in _by_kind(rows).items():
            source = folder / f"{kind}.csv"
            with source.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(("id", "name", "made_by", "album"))
                writer.writerows((row.id, row.name, row.by, row.album) for row in group)
            self._db.execute(
                f"CREATE TABLE {kind} AS SELECT * FROM read_csv('{source}', all_varchar=true)"
            )
            source.unlink()
            self._db.execute(
                f"PRAGMA create_fts_index('{kind}', 'id', 'name', 'made_by', 'album',"
                " stemmer='none', stopwords='none', ignore='[^\\p{L}\\p{N}]+')"
            )

    def find(self, kind: str, text: str) -> list[str]:
        sql = (
            f"SELECT id FROM (SELECT id, fts_main_{kind}.match_bm25(id, ?) AS score FROM {kind})"
            " WHERE score IS NOT NULL ORDER BY score DESC LIMIT 10"
        )
        return [id for (id,) in self._db.execute(sql, (text,)).fetchall()]

    def megabytes(self) -> float:
        self._db.execute("CHECKPOINT")
        return self._file.stat().st_size / 1e6

    def close(self) -> None:
        self._db.close()


PEERS = (("bm25s", Bm25s, 1), ("fts5", Fts5, 1), ("duckdb", DuckDb, 20))
"""Name, class, and of how many searches one is asked: DuckDB's would take minutes."""
