"""Accounting periods: calendar months, UTC. A play is of the month in which it began. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from shared.errors import Invalid

GRACE = timedelta(days=5)
"""How long after its end a month waits for reports that are on their way."""
LATEST = timedelta(days=61)
"""How late a report may come at all (`functions.events.domain.MAX_AGE`, and a day)."""
_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """[starts_at, ends_at): one month."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> "Period":
        """`2026-11` as a period.

        Raises:
            Invalid: not a month of this century (code INVALID_PERIOD).
        """
        match = _MONTH.fullmatch(text)
        if match is None:
            raise Invalid("a period is a month, e.g. 2026-11", code="INVALID_PERIOD")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, at: datetime) -> "Period":
        """The period in which `at` (aware) is."""
        at = at.astimezone(UTC)
        return cls(at.year, at.month)

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02d}"

    @property
    def starts_at(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def ends_at(self) -> datetime:
        return self.next.starts_at

    @property
    def last_day(self) -> date:
        return (self.ends_at - timedelta(days=1)).date()

    @property
    def due_at(self) -> datetime:
        """When it may be closed without being asked."""
        return self.ends_at + GRACE

    @property
    def next(self) -> "Period":
        return Period(self.year + 1, 1) if self.month == 12 else Period(self.year, self.month + 1)

    @property
    def previous(self) -> "Period":
        return Period(self.year - 1, 12) if self.month == 1 else Period(self.year, self.month - 1)

    def back(self, months: int) -> "Period":
        """The period so many months before."""
        count = self.year * 12 + self.month - 1 - months
        return Period(count // 12, count % 12 + 1)
