"""A statement as a DDEX Digital Sales Report, flat file, Basic Audio Profile 1.0. Pure.

    HEAD     who reports what to whom
    SY05     for each territory and plan, what was used and what is allocated to the recipient
    RE01     a block for each track: the release that it is on, if that has a code …
    AS02.01  … what it is …
    SU02     … and how often it was streamed, by summary record
    FOOT     how many lines, summary records and blocks there are

Cells are separated by tabs, lines end in LF; `|` separates values within a cell, `\\` escapes it.

Source: DDEX Digital Sales Report Message Suite, parts 1 (architecture, clause 6) and 3 (Basic
Audio Profile), https://kb.ddex.net
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from functions.royalties.money import decimal
from functions.royalties.periods import Period
from functions.royalties.statements import Document, Item
from shared.ddex.identifiers import NOBODY, parse_dpid
from shared.errors import Conflict, Invalid

VERSION = "dsrf/30"
MODELS = {"free": "AdvertisementSupportedModel", "premium": "SubscriptionModel"}
USE = "OnDemandStream"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who reports. `party_id` is a DDEX party id (PADPIDA…), or nobody's: then reports are
    refused."""

    party_id: str
    name: str

    def must_be_known(self) -> None:
        """Raises Conflict (code NO_PARTY_ID) when it was never said who we are."""
        if self.party_id == NOBODY:
            raise Conflict(
                "a usage report names its sender by a DDEX party id, and the program was not told"
                " ours: an operator sets segue:ddexPartyId",
                code="NO_PARTY_ID",
            )


def recipient_of(it: Document) -> str:
    """The payee's DDEX party id, without hyphens; "" if it is known by another id to us."""
    try:
        return parse_dpid(it.payee)
    except Invalid:
        return ""


def file_name(it: Document, sender: Sender, created_at: datetime) -> str:
    """DSR_{recipient}_{sender}_{service}_{period}_{territory}_{x}of{y}_{created}.tsv, the order in
    which DDEX's own reader (github.com/ddexnet/dsrf, `constants.py`) takes names apart.

    Sender and recipient are those of HEAD: the party id, or of a recipient that has none its name
    in ASCII letters and digits, which is left out where nothing of it remains. "Ä & B" is AB.

    Source: DDEX Digital Sales Report Message Suite, part 1, clause 8.1
    """
    territories = {item.territory for item in it.items}
    where = territories.pop() if len(territories) == 1 else "multi"
    stamp = created_at.strftime("%Y%m%dT%H%M%S")
    plain = unicodedata.normalize("NFKD", it.name)
    name = "".join(char for char in plain if char.isascii() and char.isalnum())[:40]
    recipient = recipient_of(it) or name
    return f"DSR_{recipient}_{sender.party_id}_Segue_{it.period}_{where}_1of1_{stamp}.tsv"


def flat_file(it: Document, sender: Sender, created_at: datetime) -> str:
    """The report. The same statement at the same time always gives the same bytes."""
    period = Period.parse(it.period)
    head = (
        "HEAD", VERSION, "BasicAudioProfile", "1.0", f"{it.period}-{it.payee}",
        created_at.strftime("%Y-%m-%dT%H:%M:%SZ"), 1, 1, period.starts_at.date(), period.last_day,
        sender.party_id, sender.name, "Segue",
        recipient_of(it), it.name, "",
    )  # fmt: skip
    pools = sorted({(item.territory, item.plan, item.currency) for item in it.items})
    number = {pool: str(at) for at, pool in enumerate(pools, 1)}
    summaries = [_summary(it, pool, number[pool]) for pool in pools]
    tracks: dict[str, list[Item]] = {}
    for item in it.items:
        tracks.setdefault(item.track_id, []).append(item)
    blocks: list[tuple[object, ...]] = []
    for at, track_id in enumerate(sorted(tracks), 1):
        blocks += _block(str(at), tracks[track_id], number, it)
    lines = 2 + len(summaries) + len(blocks)
    foot = ("FOOT", lines, lines, len(summaries), len(tracks), len(tracks))
    return "".join(_line(cells) for cells in (head, *summaries, *blocks, foot))


def _summary(it: Document, pool: tuple[str, str, str], id: str) -> tuple[object, ...]:
    territory, plan, currency = pool
    items = [item for item in it.items if (item.territory, item.plan, item.currency) == pool]
    plays = sum(item.plays for item in items)
    amount = decimal(sum(item.amount for item in items), currency)
    service = f"Segue-{plan}-{currency}"  # the record has no cell for the currency
    return (
        "SY05", id, "", "", MODELS.get(plan, plan), USE, territory, service, it.name, "",
        "MakeAvailableRight", "", plays, "", amount, amount, "",
    )  # fmt: skip


def _block(
    id: str, items: list[Item], number: dict[tuple[str, str, str], str], it: Document
) -> Iterable[tuple[object, ...]]:
    track_id, told = items[0].track_id, items[0].told
    if told.upc:
        yield (
            "RE01", id, "L1", told.upc, "", "", told.upc, told.artists, "",
            told.album or told.title, "", "", told.label or "", "", "",
        )  # fmt: skip
    yield (
        "AS02.01", id, "R1", track_id, told.isrc or "", told.title or track_id, "",
        told.artists, "", _duration(told.duration_ms), "SoundRecording",
        (told.iswc or "").replace("-", "").replace(".", ""), *[""] * 9,
    )  # fmt: skip
    streams: dict[str, tuple[int, bool]] = {}
    for item in items:
        summary = number[(item.territory, item.plan, item.currency)]
        plays, paid = streams.get(summary, (0, False))
        streams[summary] = plays + item.plays, paid or item.monetised
    for summary, (plays, paid) in sorted(streams.items(), key=lambda each: int(each[0])):
        yield (
            "SU02", id, summary, f"{it.period}-{id}-{summary}", "", "R1",
            "true" if paid else "false", plays, "", "",
        )  # fmt: skip


def _duration(ms: int) -> str:
    minutes, rest = divmod(ms, 60_000)
    seconds = f"{rest / 1000:.3f}".rstrip("0").rstrip(".")
    return f"PT{minutes}M{seconds}S"


def _line(cells: Iterable[object]) -> str:
    return "\t".join(_cell(str(it)) for it in cells) + "\n"


def _cell(text: str) -> str:
    for control in "\t\r\n":
        text = text.replace(control, " ")
    return text.replace("\\", "\\\\").replace("|", "\\|")
