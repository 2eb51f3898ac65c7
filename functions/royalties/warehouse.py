"""BigQuery as royalties uses it: judge a period, then read what it comes to."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from functions.royalties import judging, sql
from functions.royalties.closing import USER_CENTRIC, Played, Pool
from functions.royalties.periods import LATEST, Period
from functions.royalties.terms import Judged, Terms
from shared.gcp.bigquery import Statements, Value

RULES = 1
"""Counts up when `functions.royalties.judging` judges otherwise than before."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a period takes in: reports before `cutoff` of plays that began before its end, if they
    were not in the snapshot of the period before (`previous_cutoff`; None: it is the first).

    `lifted_plays` and `lifted_accounts` ("USER 2026-10") were screened out, and reinstated; none
    of them is of a period before `lifted_since`.
    """

    period: Period
    cutoff: datetime
    previous_cutoff: datetime | None
    lifted_plays: Sequence[str] = field(default=())
    lifted_accounts: Sequence[str] = field(default=())
    lifted_since: Period | None = None

    def values(self) -> dict[str, Value]:
        starts_at = self.period.starts_at
        oldest = starts_at - LATEST
        since = starts_at if self.previous_cutoff else oldest
        lifted_since = self.lifted_since.starts_at if self.lifted_since else starts_at
        return {
            "period": str(self.period),
            "starts_at": starts_at,
            "ends_at": self.period.ends_at,
            "cutoff": self.cutoff,
            "previous_cutoff": self.previous_cutoff or oldest,
            "since": since,
            # As far back as a play may be told of, late or reinstated, for the first time again.
            "context": min(since - LATEST, lifted_since),
            "lifted_since": lifted_since,
            "lifted_plays": sorted(self.lifted_plays),
            "lifted_accounts": sorted(self.lifted_accounts),
        }

    def rules(self, terms: Terms, place: str) -> str:
        """What decides on a play beside what is reported: two snapshots with the same rules judge
        the same reports alike. `place`: of the period among those that are open."""
        since = "" if place else str(self.previous_cutoff)
        said = (RULES, str(self.period), place, since, asdict(terms), sorted(self.lifted_plays),
                sorted(self.lifted_accounts))  # fmt: skip
        return hashlib.sha256(repr(said).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Described:
    """A track as statements and usage reports name it."""

    title: str
    artists: str
    isrc: str | None
    iswc: str | None
    album: str | None
    upc: str | None
    label: str | None
    duration_ms: int


class Warehouse:
    """Statements over the data sets `events` and `royalties` ("project.dataset")."""

    def __init__(self, statements: Statements, *, events: str, royalties: str) -> None:
        self._statements = statements
        self._names = {"events": events, "royalties": royalties}

    def judge(self, snapshot: Snapshot, terms: Terms, told_since: datetime | None = None) -> None:
        """Judge the period's plays anew. Never of a closed period: the caller sees to it.

        `told_since`: the period was judged before, as an earlier snapshot by the same terms, lifts
        and previous cutoff, with all that was reported until then; only what is touched by later
        reports is judged again, with the same result as judging all.
        """
        bounds = {name: it for name, it in asdict(terms).items() if name != "minimum_streams"}
        values = {**snapshot.values(), **bounds}
        if told_since is None:
            self._ask(judging.WHOLE, values)
        else:
            self._ask(judging.RESUMED, {**values, "told_since": told_since})

    def played(self, period: Period, terms: Terms, pools: Sequence[Pool]) -> list[Played]:
        """What counted, by pool, payee and track; with weights by listener where one of `pools` is
        shared by them."""
        rows = self._ask(
            sql.PLAYED,
            {
                "period": str(period),
                # A minimum that every counted play meets asks nothing of the year before.
                "after": str(period.back(12 if terms.minimum_streams > 1 else 1)),
                "minimum_streams": terms.minimum_streams,
                "by_listener": [
                    f"{it.territory} {it.plan}" for it in pools if it.method == USER_CENTRIC
                ],
            },
        )
        return [
            Played(
                row["territory"],
                row["plan"],
                row["payee"],
                row["track_id"],
                row["of_period"],
                int(row["plays"]),
                int(row["weight"]),
                bool(row["monetised"]),
            )
            for row in rows
        ]

    def tracks(self, cutoff: datetime) -> dict[str, Described]:
        """What tracks are called."""
        rows = self._ask(sql.TRACKS, {"cutoff": cutoff})
        return {row.pop("track_id"): Described(**row) for row in rows}

    def payees(self, cutoff: datetime) -> dict[str, str]:
        """Names of licensors, by id."""
        rows = self._ask(sql.PAYEES, {"cutoff": cutoff})
        return {row["payee"]: row["name"] or row["payee"] for row in rows}

    def verdicts(self, period: Period) -> dict[str, dict[str, int]]:
        """Plays by verdict, by payee ("" where nobody is known to own the track)."""
        found: dict[str, dict[str, int]] = {}
        for row in self._ask(sql.VERDICTS, {"period": str(period)}):
            found.setdefault(row["payee"], {})[row["verdict"]] = int(row["plays"])
        return found

    def explain(self, play_id: str) -> list[Judged]:
        """All that was judged of a play, the oldest first."""
        return [Judged(**row) for row in self._ask(sql.EXPLAIN, {"play_id": play_id})]

    def screened(self, period: Period) -> list[dict[str, Any]]:
        """Accounts that were screened out, most plays first, a thousand at most."""
        return self._ask(sql.SCREENED, {"period": str(period)})

    def _ask(self, text: str, values: Mapping[str, Value]) -> list[dict[str, Any]]:
        # Not format(): a statement may have braces of its own.
        for name, dataset in self._names.items():
            text = text.replace(f"{{{name}}}", dataset)
        return self._statements.rows(text, values)
