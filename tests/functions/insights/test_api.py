"""Who may ask for whose figures, and for which days. The statements are in contracts/."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from functions.insights import api, sql
from functions.insights.aggregates import Aggregates, Data
from functions.insights.figures import Figures, curve
from functions.insights.impressions import Shown, worth
from functions.insights.shapes import ANSWERS
from shared.errors import Unavailable
from shared.web.app import create_app
from tests.web import Tokens, client_of, code_of

TOKENS = Tokens()
ARTIST, LABEL = "artist:" + "a" * 22, "label:Blå Skivor"


class Asked:
    """BigQuery that answers nothing, and remembers what it was asked."""

    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.answers = list(answers)

    async def ask(self, sql: str, values: Mapping[str, Any] | None = None) -> list[Any]:
        self.asked.append((sql, values or {}))
        return self.answers.pop(0) if self.answers else []


def app(asked: Asked) -> FastAPI:
    data = Data(asked, events="p.segue_events", insights="p.segue_insights")
    return create_app(
        "insights",
        api.routes(Figures(data), today=lambda: date(2026, 9, 30)),
        verifier=TOKENS.verifier(),
        answers=ANSWERS,
    )


EXPERIMENT = "/v1/insights/experiments/{name}"
ROUTES = [
    it.path
    for it in api.routes(Figures(Data(Asked(), events="e", insights="i")), today=date.today).routes
    if isinstance(it, APIRoute)
]
OWNED = [path for path in ROUTES if path != EXPERIMENT]
"""Every route whose figures are somebody's, as the app has them."""


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("owns", "seen"),
    [
        ([LABEL], [LABEL]),
        ([ARTIST], [ARTIST]),
        ([ARTIST, "payee:P", LABEL], [ARTIST, LABEL]),
        (["*"], "everything"),
        (["payee:P"], "NOT_YOURS"),
        ([], "NOT_YOURS"),
        (None, "INSUFFICIENT_SCOPE"),
    ],
)
async def test_each_sees_its_own_an_operator_all_others_nothing(
    path: str, owns: list[str] | None, seen: list[str] | str
):
    asked = Asked()
    headers = (
        TOKENS.bearer("streaming", owns=["*"])
        if owns is None
        else TOKENS.bearer("insights:read", owns=owns)
    )
    async with client_of(app(asked)) as client:
        response = await client.get(path.replace("{name}", "blend"), headers=headers)
        assert (await client.get(path.replace("{name}", "blend"))).status_code == 401
    if path == EXPERIMENT and isinstance(seen, list):
        seen = "NOT_YOURS"
    if isinstance(seen, str) and seen != "everything":
        assert (response.status_code, code_of(response), asked.asked) == (403, seen, [])
        return
    assert response.status_code == 200
    for text, values in asked.asked:
        if path != EXPERIMENT:
            assert sql.MINE.replace("{insights}", "p.segue_insights") in text
            assert values["everything"] is (seen == "everything")
            assert values["owners"] == ([] if seen == "everything" else seen)
    assert asked.asked
    assert len(OWNED) >= 5


@pytest.mark.parametrize("path", OWNED)
async def test_figures_are_of_what_the_asker_owns(path: str):
    asked = Asked()
    async with client_of(app(asked)) as client:
        mine = TOKENS.bearer("insights:read", owns=[ARTIST, LABEL, "payee:P"])
        response = await client.get(path, headers=mine)
        assert response.status_code == 200
        values = asked.asked[0][1]
        assert (values["owners"], values["everything"]) == ([ARTIST, LABEL], False)
        assert (values["first"], values["last"]) == (date(2026, 9, 3), date(2026, 9, 30))
        assert "{" not in asked.asked[0][0]
        response = await client.get(path, params={"of": LABEL}, headers=mine)
        assert asked.asked[-1][1]["owners"] == [LABEL]
        everyone = TOKENS.bearer("insights:read", owns=["*"])
        await client.get(path, headers=everyone)
        assert asked.asked[-1][1]["everything"] is True
        await client.get(path, params={"of": LABEL}, headers=everyone)
        assert (asked.asked[-1][1]["owners"], asked.asked[-1][1]["everything"]) == ([LABEL], False)


@pytest.mark.parametrize("path", OWNED)
async def test_others_figures_are_refused_by_name(path: str):
    asked = Asked()
    async with client_of(app(asked)) as client:
        for owns, params in (
            ([ARTIST], {"of": LABEL}),
            ([ARTIST], {"of": "*"}),
            ([ARTIST], {"of": "artist:" + "b" * 22}),
            (["payee:P"], {}),
            ([], {}),
        ):
            headers = TOKENS.bearer("insights:read", owns=owns)
            response = await client.get(path, params=params, headers=headers)
            assert (response.status_code, code_of(response)) == (403, "NOT_YOURS")
        response = await client.get(path, headers=TOKENS.bearer("streaming"))
        assert code_of(response) == "INSUFFICIENT_SCOPE"
        experiment = "/v1/insights/experiments/blend"
        headers = TOKENS.bearer("insights:read", owns=[ARTIST])
        assert (await client.get(experiment, headers=headers)).status_code == 403
    assert not asked.asked


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"from": "2026-09-02", "to": "2026-09-01"}, "INVALID_RANGE"),
        ({"from": "2020-01-01", "to": "2026-09-01"}, "INVALID_RANGE"),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "INVALID_RANGE"),
        ({"to": "0001-01-01"}, "INVALID_RANGE"),
        ({"from": "2026-02-30"}, "INVALID"),
        ({"track": "x"}, "INVALID_ID"),
        ({"of": "x" * 200}, "INVALID"),
    ],
)
async def test_wrong_questions_have_named_errors(params: dict[str, str], code: str):
    async with client_of(app(Asked())) as client:
        headers = TOKENS.bearer("insights:read", owns=["*"])
        response = await client.get("/v1/insights/plays", params=params, headers=headers)
    assert (response.status_code, code_of(response)) == (400, code)


def test_a_curve_falls_from_all_to_those_who_heard_the_end():
    points = curve({0: (10, 9), 10: (5, 5), 20: (5, 0)})
    assert [point["percent"] for point in points] == list(range(0, 105, 5))
    assert points[0]["still_playing"] == 1.0
    assert points[10]["still_playing"] == 0.5
    assert points[20]["still_playing"] == 0.25
    assert all(point["still_playing"] == 0.0 for point in curve({}))


def test_an_estimate_of_nothing_is_nothing():
    it = worth(Shown("a", "text", 0, 0, 0, 0, 0.0, 0.0, 0.0))
    assert (it.rate, it.ips, it.snips, it.effective) == (0.0, 0.0, 0.0, 0.0)


async def test_popularity_is_remembered_only_after_it_was_told():
    asked = Asked([], [], [{"track_id": "t", "popularity": 7, "plays": 3}])
    told: list[Any] = []

    async def refuse(events: Any) -> None:
        told.extend(events)
        raise Unavailable("no ack")

    data = Data(asked, events="e", insights="i")
    aggregates = Aggregates(data, refuse, now=lambda: datetime(2026, 9, 30, tzinfo=UTC))
    with pytest.raises(Unavailable):
        await aggregates.run()
    assert [it.popularity for it in told] == [7]
    remembered = sql.TOLD.replace("{insights}", "i")
    assert remembered not in [text for text, _ in asked.asked]
