"""Friends through the whole cloud: who follows sees what is played at once, until it is hidden."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlparse

import httpx
import pytest
from segue.live import Change, Live, Reset, Said

from tests.journeys.cloud import Cloud
from tests.journeys.people import REDIRECT, SCOPES, Operator, Person

TRACK = "t" * 22


class Friend:
    """A person with an application that speaks the API for them."""

    def __init__(self, person: Person, application: dict[str, str]) -> None:
        self.id = person.user_id
        self.http = httpx.Client(base_url=person.host, timeout=30)
        query = urlencode(
            {
                "client_id": application["client_id"],
                "response_type": "code",
                "redirect_uri": REDIRECT,
                "scope": SCOPES,
                "state": "s",
            }
        )
        code = parse_qs(urlparse(person.allow(f"/authorize?{query}")).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        secret = (application["client_id"], application["client_secret"])
        issued = self.http.post("/api/token", data=form, auth=secret).raise_for_status().json()
        self.token = issued["access_token"]
        self.http.headers["authorization"] = f"Bearer {self.token}"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body).raise_for_status()
        return answer.json() if answer.content else None

    async def give(self, fresh: bool) -> str:
        return self.token


@pytest.fixture
def friends(cloud: Cloud) -> tuple[Friend, Friend]:
    operator = Operator(cloud)
    application = operator.application()
    return Friend(operator.user("Ann"), application), Friend(operator.user("Bo"), application)


async def said(changes: AsyncIterator[Change]) -> Any:
    async with asyncio.timeout(10):
        async for change in changes:
            if isinstance(change, Said):
                return change.payload
    raise AssertionError("the channel ended")


async def test_friend_hears_at_once_what_is_played_and_a_private_session_hides_it(
    cloud: Cloud, friends: tuple[Friend, Friend]
) -> None:
    ann, bo = friends
    bo.ask("PUT", f"/v1/me/following?type=user&ids={ann.id}")
    for _ in range(100):
        if (await asyncio.to_thread(bo.ask, "GET", f"/v1/profiles/{ann.id}"))["you_follow"]:
            break
        await asyncio.sleep(0.1)
    feed = ann.ask("GET", "/v1/me/feed")["items"]
    assert [(it["type"], it["by"]["id"]) for it in feed] == [("follow", bo.id)]
    async with (
        Live(cloud.host, bo.give) as live,
        contextlib.aclosing(live.subscribe(f"feed:{bo.id}")) as changes,
    ):
        assert isinstance(await anext(changes), Reset)
        await asyncio.to_thread(ann.ask, "PUT", "/v1/me/now-playing", {"track_id": TRACK})
        now = await said(changes)
        assert (now["user"]["id"], now["track"]["id"]) == (ann.id, TRACK)
        (shown,) = bo.ask("GET", "/v1/me/friends/activity")["items"]
        assert shown["playing"]
        hidden = {"private_session": True}
        await asyncio.to_thread(ann.ask, "PUT", "/v1/me/privacy", hidden)
        assert (await said(changes))["track"] is None
    assert bo.ask("GET", "/v1/me/friends/activity")["items"] == []
    ann.ask("PUT", f"/v1/me/blocks/{bo.id}")
    assert bo.http.get(f"/v1/profiles/{ann.id}").status_code == 404


async def test_stranger_is_kept_out_of_a_feed_and_a_session(
    cloud: Cloud, friends: tuple[Friend, Friend]
) -> None:
    from segue.live import Ended

    ann, bo = friends
    session = ann.ask("POST", "/v1/sessions", {})
    async with Live(cloud.host, bo.give) as live:
        for channel, code in (
            (f"feed:{ann.id}", "NOT_YOURS"),
            (f"session:{session['id']}", "NOT_A_MEMBER"),
        ):
            async with contextlib.aclosing(live.subscribe(channel)) as changes:
                assert await anext(changes) == Ended(code)
        bo.ask("POST", "/v1/sessions/join", {"invite": session["invite"]["code"]})
        async with contextlib.aclosing(live.subscribe(f"session:{session['id']}")) as changes:
            assert isinstance(await anext(changes), Reset)
            removal = {"op": "remove", "user_id": bo.id}
            path = f"/v1/sessions/{session['id']}/commands"
            await asyncio.to_thread(ann.ask, "POST", path, removal)
            async with asyncio.timeout(5):
                assert await anext(changes) == Ended("NOT_A_MEMBER")
