"""The run report: one HTML page with plots, drawn as SVG; it loads nothing from anywhere. Pure."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

WIDTH, HEIGHT = 420, 220
_LEFT, _BOTTOM, _TOP, _RIGHT = 46, 28, 28, 24
OURS, THEIRS = "#1a7f5a", "#9aa5b1"

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1c2733}
body{margin:2rem auto;max-width:960px;padding:0 1rem}
h1{font-size:1.5rem;margin:0}p.sub{color:#5b6773;margin:.2rem 0 1.5rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(118px,1fr))}
.tiles{gap:.8rem;margin-bottom:1.5rem}
.tile{border:1px solid #dde3e9;border-radius:8px;padding:.7rem .9rem}
.tile b{display:block;font-size:1.4rem;font-weight:600}.tile span{color:#5b6773;font-size:.85rem}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(400px,100%),1fr));gap:1.2rem}
figure{margin:0;border:1px solid #dde3e9;border-radius:8px;padding:.8rem}
figcaption{font-weight:600;margin-bottom:.3rem}
figcaption small{display:block;font-weight:400;color:#5b6773}
svg{width:100%;height:auto}text{font:11px system-ui,sans-serif;fill:#5b6773}
.warn{border-left:4px solid #c2410c;background:#fff4ed;padding:.6rem .9rem;margin:0 0 1rem}
"""


def lorenz(counts: Sequence[int] | np.ndarray, points: int = 51) -> list[float]:
    """The Lorenz curve: the share that the least of each share of tracks have together."""
    ordered = np.sort(np.asarray(counts, dtype=np.float64))
    if not len(ordered) or not ordered.sum():
        return [0.0] * points
    total = np.concatenate([[0], np.cumsum(ordered)]) / ordered.sum()
    at = np.linspace(0, len(ordered), points)
    return np.round(np.interp(at, np.arange(len(total)), total), 4).tolist()


def page(runs: Sequence[dict[str, Any]]) -> str:
    """The page of the last of `runs` (oldest first); the others are what it is compared with."""
    run = runs[-1]
    counts, figures = run["counts"], run["figures"]
    title = f"Recommendations {run['generation']}, {run['zone']}"
    tiles = [
        ("listeners filled", f"{counts['listeners']:,}"),
        ("filled before", f"{counts['skipped']:,}"),
        ("left out as bots", f"{counts['bots']:,}"),
        ("without a list", f"{counts['empty']:,}"),
        ("daily mixes", f"{counts['mixes']:,}"),
        ("lists of full length", f"{figures['full_lists']:.1%}"),
        ("tracks explained", f"{figures['explained']:.1%}"),
        ("of the catalog in someone's list", f"{figures['coverage']:.1%}"),
        ("of what is listed is hardly known", f"{figures['beyond']:.1%}"),
        ("recall@20, held-out listeners", f"{figures['recall_at_20']:.3f}"),
        ("nDCG@10", f"{figures['ndcg_at_10']:.3f}"),
        ("recall@20 of the chart", f"{figures['chart_recall_at_20']:.3f}"),
        ("drift since the last batch", f"{figures['drift']:.2f}"),
    ]
    weeks = [it["generation"].partition("-")[2] for it in runs]
    plots = [
        _figure(
            "Quality",
            f"recall@20 on {counts['held']:,} listeners who were kept out of learning",
            _lines(
                weeks,
                {
                    "ours": (OURS, [it["figures"]["recall_at_20"] for it in runs]),
                    "chart": (THEIRS, [it["figures"]["chart_recall_at_20"] for it in runs]),
                },
            ),
        ),
        _figure(
            "Coverage and drift",
            "share of the catalog shown; how far what is shown moved since the week before",
            _lines(
                weeks,
                {
                    "coverage": (OURS, [it["figures"]["coverage"] for it in runs]),
                    "drift": ("#b45309", [it["figures"]["drift"] for it in runs]),
                },
            ),
        ),
        _figure(
            "Concentration",
            "Lorenz curves over tracks: the nearer to the diagonal, the more evenly",
            _curves(
                {"shown": (OURS, run["lorenz_shown"]), "played": (THEIRS, run["lorenz_plays"])}
            ),
        ),
        _figure("Length of lists", "Discover Weekly, tracks in a list", _bars(run["sizes"])),
        _figure("Weights of sources", _adopted(run["weights"]), _pairs(run["weights"])),
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1><p class=sub>made {escape(run['made_at'][:16].replace('T', ' '))}"
        f" UTC · {counts['vocabulary']:,} tracks in the model</p>"
        + "".join(f"<p class=warn>{escape(it)}</p>" for it in warnings(runs))
        + "<div class=tiles>"
        + "".join(
            f"<div class=tile><b>{value}</b><span>{name}</span></div>" for name, value in tiles
        )
        + "</div><div class=plots>"
        + "".join(plots)
        + "</div></html>"
    )


def warnings(runs: Sequence[dict[str, Any]]) -> list[str]:
    """What an operator should look into, in words."""
    run = runs[-1]
    counts, figures = run["counts"], run["figures"]
    found: list[str] = []
    if counts["held"] >= 20 and figures["recall_at_20"] < figures["chart_recall_at_20"]:
        found.append("The chart finds more of what held-out listeners play than the model does.")
    if len(runs) > 1:
        last = runs[-2]["figures"]
        if counts["held"] >= 20 and figures["recall_at_20"] < 0.8 * last["recall_at_20"]:
            found.append("Recall fell by more than a fifth since the last batch.")
        if figures["drift"] > 0.8:
            found.append("Almost nothing that was shown last time is shown now.")
        if runs[-2]["counts"]["listeners"] > 2 * (counts["listeners"] + counts["skipped"]):
            found.append("Less than half as many listeners as last time: are plays missing?")
    if counts["listeners"] and counts["bots"] > 0.05 * counts["listeners"]:
        found.append("More than one listener in twenty looks like a bot.")
    return found


def _adopted(weights: dict[str, Any]) -> str:
    """Which weights the lists were blended by, and why."""
    return f"{'fitted' if weights['adopted'] else 'set by hand'}: {weights['why']}"


def _pairs(weights: dict[str, Any]) -> str:
    """Two bars for each source: what it counted, and what it would by hand."""
    used, by_hand = weights["used"], weights["by_hand"]
    top = max((*used.values(), *by_hand.values(), 0.01))
    high = (HEIGHT - _TOP - _BOTTOM) / max(1, len(used))
    left = _LEFT + 30
    parts: list[str] = []
    for at, name in enumerate(used):
        y = _TOP + at * high
        parts.append(
            f"<text x='{left - 6}' y='{y + high / 2 + 4:.1f}' text-anchor='end'>{escape(name)}"
            "</text>"
        )
        for row, (colour, value) in enumerate(((OURS, used[name]), (THEIRS, by_hand[name]))):
            wide = (WIDTH - left - _RIGHT - 30) * value / top
            tall = (high - 6) / 2
            parts.append(
                f"<rect x='{left}' y='{y + 3 + row * tall:.1f}' width='{wide:.1f}' "
                f"height='{tall:.1f}' fill='{colour}'/><text x='{left + wide + 4:.1f}' "
                f"y='{y + 3 + row * tall + tall / 2 + 4:.1f}'>{value:.2f}</text>"
            )
    return "".join(parts) + _legend({"used": OURS, "by hand": THEIRS})


def _figure(title: str, note: str, body: str) -> str:
    return (
        f"<figure><figcaption>{escape(title)}<small>{escape(note)}</small></figcaption>"
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role=img aria-label='{escape(title)}'>{body}</svg>"
        "</figure>"
    )


def _x(share: float) -> float:
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return HEIGHT - _BOTTOM - share * (HEIGHT - _BOTTOM - _TOP)


def _axis(top: float, percent: bool = True) -> str:
    lines = []
    for step in range(5):
        share = step / 4
        value = f"{share * top:.0%}" if percent else f"{share * top:,.0f}"
        lines.append(
            f"<line x1='{_LEFT}' x2='{WIDTH - _RIGHT}' y1='{_y(share):.1f}' y2='{_y(share):.1f}' "
            f"stroke='#e6eaee'/><text x='{_LEFT - 6}' y='{_y(share) + 4:.1f}' "
            f"text-anchor='end'>{value}</text>"
        )
    return "".join(lines)


def _legend(names: dict[str, str]) -> str:
    parts, x = [], _LEFT + 8
    for name, colour in names.items():
        parts.append(
            f"<rect x='{x}' y='4' width='10' height='10' fill='{colour}'/>"
            f"<text x='{x + 14}' y='13'>{escape(name)}</text>"
        )
        x += 26 + 7 * len(name)
    return "".join(parts)


def _lines(labels: Sequence[str], series: dict[str, tuple[str, Sequence[float]]]) -> str:
    top = max((max(values, default=0) for _, values in series.values()), default=0)
    top = next((it for it in (0.04, 0.08, 0.2, 0.4, 0.6, 0.8) if it >= top), 1.0)
    step = 1 / max(1, len(labels) - 1)
    parts = [_axis(top)]
    for at, label in enumerate(labels):
        x = _x(at * step if len(labels) > 1 else 0.5)
        parts.append(
            f"<text x='{x:.1f}' y='{HEIGHT - 9}' text-anchor='middle'>{escape(label)}</text>"
        )
    for colour, values in series.values():
        at = [
            (_x(i * step if len(labels) > 1 else 0.5), _y(value / top))
            for i, value in enumerate(values)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>")
        parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='{colour}'/>" for x, y in at]
    return "".join(parts) + _legend({name: colour for name, (colour, _) in series.items()})


def _curves(series: dict[str, tuple[str, Sequence[float]]]) -> str:
    parts = [
        _axis(1.0),
        f"<line x1='{_x(0)}' y1='{_y(0)}' x2='{_x(1)}' y2='{_y(1)}' stroke='#c8d0d8' "
        "stroke-dasharray='4 4'/>",
    ]
    for colour, values in series.values():
        path = " ".join(
            f"{_x(at / max(1, len(values) - 1)):.1f},{_y(value):.1f}"
            for at, value in enumerate(values)
        )
        parts.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>")
    parts += [
        f"<text x='{_x(share):.1f}' y='{HEIGHT - 9}' text-anchor='middle'>{share:.0%}</text>"
        for share in (0, 0.5, 1)
    ]
    return "".join(parts) + _legend({name: colour for name, (colour, _) in series.items()})


def _bars(values: Sequence[int]) -> str:
    top = max(max(values, default=0), 1)
    wide = (WIDTH - _LEFT - _RIGHT) / max(1, len(values))
    parts = [_axis(top, percent=False)]
    for at, value in enumerate(values):
        y = _y(value / top)
        parts.append(
            f"<rect x='{_LEFT + at * wide + 1:.1f}' y='{y:.1f}' width='{wide - 2:.1f}' "
            f"height='{_y(0) - y:.1f}' fill='{OURS}'/>"
        )
        if at % 5 == 0:
            x = _LEFT + (at + 0.5) * wide
            parts.append(f"<text x='{x:.1f}' y='{HEIGHT - 9}' text-anchor='middle'>{at}</text>")
    return "".join(parts)
