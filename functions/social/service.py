"""social put together: documents in, the app out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from fastapi import FastAPI

from functions.social import api, api_sessions
from functions.social.circle import Block, Edge, Privacy
from functions.social.documents import (
    BLOCKS,
    EDGES,
    INBOXES,
    NOW,
    ONLINE,
    PEOPLE,
    PRIVACY,
    SESSIONS,
    SHARES,
    Online,
    Person,
    Playing,
    SessionDocument,
    Share,
)
from functions.social.feeds import Feeds
from functions.social.inbox import Inbox
from functions.social.live import Live
from functions.social.people import People
from functions.social.shapes import ANSWERS
from functions.social.shares import Shares
from functions.social.subscriptions import handlers
from functions.social.together import Together
from shared.gcp.documents import Documents
from shared.web.app import create_app
from shared.web.principal import Verifier
from shared.web.push import Caller, subscriptions

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes stand on."""

    people: People
    feeds: Feeds
    shares: Shares
    together: Together


def parts(
    collection: Callable[[str, type[Any], str], Documents[Any]],
    publish: Callable[[Any], Awaitable[None]],
    *,
    now: Callable[[], datetime],
    new_id: Callable[[], str],
) -> Parts:
    """Everything over `collection(name, class, what it is called)`."""
    live = Live(publish, now=now, new_id=new_id)
    people = People(
        collection(EDGES, Edge, "edge"),
        collection(BLOCKS, Block, "block"),
        collection(PRIVACY, Privacy, "privacy"),
        collection(PEOPLE, Person, "person"),
        now=now,
    )
    feeds = Feeds(
        collection(INBOXES, Inbox, "inbox"),
        collection(NOW, Playing, "playing"),
        collection(ONLINE, Online, "online"),
        people,
        live,
        now=now,
        new_id=new_id,
    )
    shares = Shares(collection(SHARES, Share, "share"), people, feeds, now=now, new_id=new_id)
    together = Together(
        collection(SESSIONS, SessionDocument, "session"),
        people,
        live,
        now_ms=lambda: int(now().timestamp() * 1000),
        new_id=new_id,
    )
    return Parts(people, feeds, shares, together)


def app(
    made: Parts,
    caller: Caller,
    verifier: Verifier,
    public_url: str,
    *,
    now: Callable[[], datetime],
    new_id: Callable[[], str],
    on_stop: tuple[Callable[[], Awaitable[None]], ...] = (),
) -> FastAPI:
    """The app over `made`."""
    return create_app(
        "social",
        api.routes(made.people, made.feeds, made.shares, public_url, now=now),
        api_sessions.routes(made.together, made.feeds, public_url, new_id=new_id, now=now),
        subscriptions(caller, handlers(made.people, made.feeds)),
        answers=ANSWERS,
        verifier=verifier,
        on_stop=on_stop,
    )
