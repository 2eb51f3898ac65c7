import re

import numpy as np

from functions.recommendations import report
from functions.recommendations.summary import Summary, drift, gini

WEIGHED = {
    "used": {"listening": 1.0, "audio": 0.8}, "by_hand": {"listening": 1.0, "audio": 0.2},
    "adopted": True, "why": "they find <more>", "listeners": 300,
}  # fmt: skip


def facts(week: int = 47, **figures: float) -> dict:
    summary = Summary(np.array([3, 0, 1]), np.eye(31, dtype=int)[30], listeners=1, held=30)
    counts = {**summary.counts(), "vocabulary": 3}
    known = {**summary.figures(np.array([2, 2, 2])), "drift": 0.1, "recall_at_20": 0.3}
    return {
        "generation": f"2026-W{week}", "zone": "all", "made_at": "2026-11-16T03:00:00+00:00",
        "weights": WEIGHED, "counts": counts, "figures": {**known, **figures},
        "sizes": summary.sizes.tolist(),
        "lorenz_shown": report.lorenz(summary.shown), "lorenz_plays": report.lorenz([2, 2, 2]),
    }  # fmt: skip


def test_the_page_shows_every_week_that_had_a_batch():
    page = report.page([facts(44), facts(46), facts(47)])
    assert re.findall(r">(W\d\d)<", page) == ["W44", "W46", "W47"] * 2
    assert page.count("<svg") == 5


def test_plots_stay_within_their_frames():
    page = report.page([facts(46, recall_at_20=1.0), facts(47, recall_at_20=0.0)])
    heights = [float(it) for it in re.findall(r"c?y='(-?[\d.]+)'", page)]
    assert min(heights) >= 0
    assert max(heights) <= report.HEIGHT


def test_operators_are_warned_in_words():
    assert report.warnings([facts()]) == []
    (worse,) = report.warnings([facts(46, recall_at_20=0.5), facts(47, recall_at_20=0.3)])
    assert "fell" in worse
    (chart,) = report.warnings([facts(chart_recall_at_20=0.4)])
    assert "chart" in chart
    (moved,) = report.warnings([facts(46), facts(47, drift=0.9)])
    assert "nothing that was shown" in moved


def test_names_cannot_become_markup():
    page = report.page([{**facts(), "zone": "<script>"}])
    assert "<script>" not in page


def test_an_empty_run_has_a_page_too():
    empty = Summary.nothing(0)
    figures = {**empty.figures(np.zeros(0)), "drift": 0.0}
    run = {
        **facts(), "counts": {**empty.counts(), "vocabulary": 0}, "figures": figures,
        "sizes": empty.sizes.tolist(), "lorenz_shown": report.lorenz([]),
        "lorenz_plays": report.lorenz([]),
    }  # fmt: skip
    assert "nan" not in report.page([run]).lower()


def test_concentration_and_drift():
    assert gini(np.array([1, 1, 1, 1])) == 0
    assert gini(np.array([0, 0, 0, 1])) == 0.75
    assert drift({"a": 0.5, "b": 0.5}, {"a": 0.5, "c": 0.5}) == 0.5
    assert drift({}, {}) == 0
    assert report.lorenz([1, 1])[25] == 0.5


def test_summaries_add_up():
    one = Summary(np.array([1, 0]), np.zeros(31, dtype=int), listeners=2, recall=0.5)
    both = Summary.sum([one, one, Summary.nothing(2)])
    assert (both.listeners, both.recall, both.shown.tolist()) == (4, 1.0, [2, 0])


def test_the_page_shows_what_sources_counted_and_why():
    page = report.page([facts()])
    assert "fitted: they find &lt;more&gt;" in page
    assert ">0.80</text>" in page
    assert ">0.20</text>" in page
