"""A statement as one page of HTML that needs nothing else: figures, plots, tables. Pure.

Names are as long as people make them, and screens and paper as narrow: text wraps, bars stretch.
"""

from collections.abc import Mapping
from html import escape

from functions.royalties.money import decimal, in_words
from functions.royalties.statements import PROVISIONAL, Document, Item

SHOWN = 15
MOST = 200
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
body{font:15px/1.5 system-ui,sans-serif;color:#1c1c22;max-width:860px;margin:40px auto;padding:0 20px;
overflow-wrap:break-word}h1{font-size:26px;line-height:1.25;margin:0}h2{font-size:17px;margin:36px 0 10px}
.sub{color:#666;margin:6px 0 0}.totals{display:flex;gap:20px 36px;flex-wrap:wrap;margin:24px 0}
.totals b{display:block;font-size:28px;line-height:1.3}.owing b{color:#b23a33}
.note{background:#fff6df;padding:8px 14px;border-radius:6px}
table{border-collapse:collapse;width:100%;font-size:13.5px}th{text-align:left;color:#666;font-weight:500}
th,td{padding:5px 8px;border-bottom:1px solid #e8e8ee;vertical-align:top}tr{break-inside:avoid}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.k{white-space:nowrap}.any{overflow-wrap:anywhere}
.wide{overflow-x:auto}.lines{min-width:680px}.t{width:30%}.a{width:24%}.w{width:16%}
.bars td{border:0;padding:3px 8px;vertical-align:middle;line-height:1.3}
.bars .name{width:34%;text-align:right}.bars .bar{width:50%}
svg{display:block;width:100%;height:16px}.plus{fill:#3a5bd9}.minus{fill:#c2453d}
.hash{font:11.5px ui-monospace,monospace;color:#666}
@media(max-width:560px){body{margin:20px auto}.bars .name{width:40%}.totals b{font-size:23px}}
"""  # noqa: E501 - a style sheet


def page(it: Document) -> str:
    """The whole page."""
    state = (
        f"Provisional: what was reported until {it.cutoff.day} {it.cutoff:%B %Y, %H:%M} UTC."
        " It will change."
        if it.status == PROVISIONAL
        else ""
    )
    parts = [
        f"<h1>{escape(it.name)}</h1>",
        f'<p class="sub">Royalty statement for {escape(it.period)} · {escape(it.payee)}</p>',
        f'<p class="note">{escape(state)}</p>' if state else "",
        _totals(it),
        *(_of_currency(it, each) for each in sorted({item.currency for item in it.items})),
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


def _totals(it: Document) -> str:
    plays = sum(item.plays for item in it.items)
    found = [
        f"<div><b>{escape(in_words(amount, currency))}</b>to be paid</div>"
        if amount >= 0
        else f'<div class="owing"><b>{escape(in_words(amount, currency))}</b>owed by the payee:'
        " more was taken back than earned</div>"
        for currency, amount in it.totals.items()
    ] or ["<div><b>0</b>nothing to be paid</div>"]
    return f'<div class="totals">{"".join(found)}<div><b>{plays:,}</b>plays that count</div></div>'


def _of_currency(it: Document, currency: str) -> str:
    """What earned most in a currency, as bars, and the lines: amounts of two do not compare."""
    items = [item for item in it.items if item.currency == currency]
    tracks: dict[str, int] = {}
    where: dict[str, int] = {}
    names: dict[str, str] = {}
    for item in items:
        place = f"{item.territory} · {item.plan}"
        tracks[item.track_id] = tracks.get(item.track_id, 0) + item.amount
        where[place] = where.get(place, 0) + item.amount
        names[item.track_id] = item.told.title or item.track_id
    return (
        f"<h2>By track, in {escape(currency)}</h2>{_bars(tracks, names, currency)}"
        f"<h2>By country and plan, in {escape(currency)}</h2>{_bars(where, {}, currency)}"
        f"<h2>Lines, in {escape(currency)}</h2>{_lines(items, it.period)}"
    )


def _bars(amounts: Mapping[str, int], names: Mapping[str, str], currency: str) -> str:
    """Bars from one line of zero: what was taken back grows to its left."""
    top = sorted(amounts, key=lambda id: (-abs(amounts[id]), id))[:SHOWN]
    bars = [(names.get(id, id), amounts[id]) for id in top]
    if len(amounts) > SHOWN:
        rest = sum(amounts.values()) - sum(amounts[id] for id in top)
        bars.append((f"{len(amounts) - SHOWN:,} more", rest))
    least = min(0, *(amount for _, amount in bars))
    span = max(0, *(amount for _, amount in bars)) - least or 1
    rows: list[str] = []
    for name, amount in bars:
        start = (min(amount, 0) - least) * 1000 // span
        length = max(2, abs(amount) * 1000 // span) if amount else 0
        shown = name if len(name) <= 60 else f"{name[:59]}…"
        kind = "plus" if amount >= 0 else "minus"
        rows.append(
            f'<tr><td class="name any">{escape(shown)}</td>'
            f'<td class="bar"><svg viewBox="0 0 1000 16" preserveAspectRatio="none"'
            f' aria-hidden="true"><rect class="{kind}" x="{start}"'
            f' width="{length}" height="16"/></svg></td>'
            f'<td class="n">{escape(decimal(amount, currency, ","))}</td></tr>'
        )
    return f'<table class="bars">{"".join(rows)}</table>'


def _lines(items: list[Item], period: str) -> str:
    rows = "".join(_row(item, period) for item in _by_amount(items)[:MOST])
    more = f"<p>{len(items) - MOST:,} lines more are in the CSV.</p>" if len(items) > MOST else ""
    return (
        '<div class="wide"><table class="lines"><tr><th class="t">Track</th><th class="a">Artists'
        '</th><th>ISRC</th><th class="w">Where</th><th class="n">Plays</th>'
        f'<th class="n">Amount</th></tr>{rows}</table></div>{more}'
    )


def _by_amount(items: list[Item]) -> list[Item]:
    return sorted(items, key=lambda it: (-abs(it.amount), it.track_id, it.territory, it.plan))


def _row(item: Item, period: str) -> str:
    late = "" if item.of_period == period else f" · late, of {item.of_period}"
    small = "" if item.monetised else " · below the minimum"
    cells = (item.told.isrc or "", f"{item.territory} {item.plan}{late}{small}")
    texts = "".join(
        f'<td class="any">{escape(cell)}</td>'
        for cell in (item.told.title or item.track_id, item.told.artists)
    ) + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    amount = escape(decimal(item.amount, item.currency, ","))
    return f'<tr>{texts}<td class="n">{item.plays:,}</td><td class="n">{amount}</td></tr>'


def _adjustments(it: Document) -> str:
    rows = "".join(
        f'<tr><td class="k">{escape(made.kind)}</td>'
        f'<td class="any">{escape(made.reason or "")}</td>'
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
