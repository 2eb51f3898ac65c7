"""A statement as one page of HTML that needs nothing else: figures, a plot, the table. Pure."""

from collections.abc import Mapping
from html import escape

from functions.royalties.money import decimal, in_words
from functions.royalties.statements import PROVISIONAL, Document, Item

SHOWN = 15
_WIDTH, _BAR, _GAP, _LABEL = 760, 18, 8, 250
_REASONS = {
    "TOO_SHORT": "heard for less than 30 s",
    "FROM_FUTURE": "reported before they began",
    "UNKNOWN_TRACK": "of no track in the catalog",
    "UNLICENSED": "of tracks without a licence",
    "SCREEN_VELOCITY": "screened: more music than time",
    "SCREEN_DAILY_CAP": "screened: too many a day by one account",
    "SCREEN_TRACK_CAP": "screened: too many of one track a day by one account",
    "SCREEN_LOOP": "screened: one track over and over",
}
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1c1c22;max-width:860px;margin:40px auto;padding:0 20px}
h1{font-size:26px;margin:0}h2{font-size:17px;margin:36px 0 10px}.sub{color:#666;margin:2px 0 0}
.totals{display:flex;gap:28px;flex-wrap:wrap;margin:24px 0}.totals b{display:block;font-size:30px}
.note{background:#fff6df;padding:8px 14px;border-radius:6px}
table{border-collapse:collapse;width:100%;font-size:13.5px}th{text-align:left;color:#666;font-weight:500}
th,td{padding:5px 8px;border-bottom:1px solid #e8e8ee;vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
svg text{font:12.5px system-ui,sans-serif;fill:#1c1c22}.hash{font:11.5px ui-monospace,monospace;color:#666;
word-break:break-all}
"""  # noqa: E501 - a style sheet


def page(it: Document) -> str:
    """The whole page."""
    state = (
        f"Provisional: what was reported until {it.cutoff:%d %B %Y, %H:%M} UTC. It will change."
        if it.status == PROVISIONAL
        else ""
    )
    plays = sum(item.plays for item in it.items)
    totals = "".join(
        f"<div><b>{escape(in_words(amount, currency))}</b>to be paid</div>"
        for currency, amount in it.totals.items()
    ) or "<div><b>0</b>nothing to be paid</div>"  # fmt: skip
    parts = [
        f"<h1>{escape(it.name)}</h1>",
        f'<p class="sub">Royalty statement for {escape(it.period)} · {escape(it.payee)}</p>',
        f'<p class="note">{escape(state)}</p>' if state else "",
        f'<div class="totals">{totals}<div><b>{plays:,}</b>plays that count</div></div>',
        _plots(it),
        _tracks(it),
        _adjustments(it),
        _exchanges(it),
        _not_counted(it.not_counted),
        f'<h2>Ledger</h2><p class="hash">sha256 {escape(it.ledger)}</p>' if it.ledger else "",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(it.name)} · {escape(it.period)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _plots(it: Document) -> str:
    """By currency: the tracks that earned most, as bars."""
    parts: list[str] = []
    for currency in sorted({item.currency for item in it.items}):
        amounts: dict[str, int] = {}
        names: dict[str, str] = {}
        for item in it.items:
            if item.currency == currency:
                amounts[item.track_id] = amounts.get(item.track_id, 0) + item.amount
                names[item.track_id] = item.told.title or item.track_id
        top = sorted(amounts, key=lambda id: (-abs(amounts[id]), id))[:SHOWN]
        rest = sum(amounts.values()) - sum(amounts[id] for id in top)
        bars = [(names[id], amounts[id]) for id in top]
        if len(amounts) > SHOWN:
            bars.append((f"{len(amounts) - SHOWN} more", rest))
        parts.append(f"<h2>By track, in {escape(currency)}</h2>{_bars(bars, currency)}")
        where: dict[str, int] = {}
        for item in it.items:
            if item.currency == currency:
                key = f"{item.territory} · {item.plan}"
                where[key] = where.get(key, 0) + item.amount
        found = sorted(where.items(), key=lambda each: (-abs(each[1]), each[0]))[:SHOWN]
        parts.append(f"<h2>By country and plan, in {escape(currency)}</h2>{_bars(found, currency)}")
    return "".join(parts)


def _bars(bars: list[tuple[str, int]], currency: str) -> str:
    longest = max((abs(amount) for _, amount in bars), default=0) or 1
    room = _WIDTH - _LABEL - 110
    rows: list[str] = []
    for at, (name, amount) in enumerate(bars):
        top = at * (_BAR + _GAP)
        length = max(1, abs(amount) * room // longest)
        shown = name if len(name) <= 34 else f"{name[:33]}…"
        colour = "#3a5bd9" if amount >= 0 else "#c2453d"
        rows.append(
            f'<text x="{_LABEL - 10}" y="{top + 14}" text-anchor="end">{escape(shown)}</text>'
            f'<rect x="{_LABEL}" y="{top}" width="{length}" height="{_BAR}" rx="3"'
            f' fill="{colour}"/><text x="{_LABEL + length + 8}" y="{top + 14}">'
            f"{escape(decimal(amount, currency, ','))}</text>"
        )
    height = max(1, len(bars)) * (_BAR + _GAP)
    return (
        f'<svg role="img" viewBox="0 0 {_WIDTH} {height}" width="100%"'
        f' aria-label="amounts as bars">{"".join(rows)}</svg>'
    )


def _tracks(it: Document) -> str:
    rows = "".join(_row(item, it.period) for item in _by_amount(it.items)[:200])
    more = (
        f"<p>{len(it.items) - 200:,} lines more are in the CSV.</p>" if len(it.items) > 200 else ""
    )
    return (
        "<h2>Lines</h2><table><tr><th>Track</th><th>Artists</th><th>ISRC</th><th>Where</th>"
        f'<th class="n">Plays</th><th class="n">Amount</th></tr>{rows}</table>{more}'
    )


def _by_amount(items: tuple[Item, ...]) -> list[Item]:
    return sorted(items, key=lambda it: (-abs(it.amount), it.track_id, it.territory, it.plan))


def _row(item: Item, period: str) -> str:
    late = "" if item.of_period == period else f" · late, of {item.of_period}"
    small = "" if item.monetised else " · below the minimum"
    cells = (
        item.told.title or item.track_id,
        item.told.artists,
        item.told.isrc or "",
        f"{item.territory} {item.plan}{late}{small}",
    )
    texts = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    amount = escape(in_words(item.amount, item.currency))
    return f'<tr>{texts}<td class="n">{item.plays:,}</td><td class="n">{amount}</td></tr>'


def _adjustments(it: Document) -> str:
    rows = "".join(
        f"<tr><td>{escape(made.kind)}</td><td>{escape(made.reason or '')}</td>"
        f'<td class="n">{escape(in_words(made.amount, made.currency))}</td></tr>'
        for made in it.adjustments
    )
    return f"<h2>Adjustments</h2><table>{rows}</table>" if rows else ""


def _exchanges(it: Document) -> str:
    rows = "".join(
        f"<tr><td>{escape(in_words(made.amount, made.currency))}</td>"
        f"<td>1 {escape(made.currency)} = {escape(made.rate)} {escape(made.paid_currency)}"
        f" on {made.rate_on}</td>"
        f'<td class="n">{escape(in_words(made.paid_amount, made.paid_currency))}</td></tr>'
        for made in it.exchanges
    )
    return f"<h2>Exchanged</h2><table>{rows}</table>" if rows else ""


def _not_counted(verdicts: Mapping[str, int]) -> str:
    rows = "".join(
        f'<tr><td>{escape(_REASONS.get(verdict, verdict))}</td><td class="n">{plays:,}</td></tr>'
        for verdict, plays in verdicts.items()
    )
    return f"<h2>Plays that did not count</h2><table>{rows}</table>" if rows else ""
