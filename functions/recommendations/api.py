"""Recommendations over HTTP: seeds and targets as the Web API has them, and what it lacks."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from functions.recommendations import asked, radio, tuning
from functions.recommendations import taste as tastes
from functions.recommendations.blending import Rules
from functions.recommendations.candidates import Candidate
from functions.recommendations.home import Home
from functions.recommendations.impressions import Impressions
from functions.recommendations.listeners import Listeners
from functions.recommendations.serving import Offer, Serving
from functions.recommendations.shown import Rendered, artist_view, explained
from functions.recommendations.tuning import Tuning, tuned
from shared.errors import Invalid, NotFound
from shared.ids import parse_id
from shared.web.answers import answer
from shared.web.paging import page_view
from shared.web.principal import Principal, requires
from shared.webapi import query

User = Annotated[Principal, Depends(requires())]
TopReader = Annotated[Principal, Depends(requires("user-top-read"))]
Listening = Annotated[Principal, Depends(requires("streaming"))]
LibraryReader = Annotated[Principal, Depends(requires("user-library-read"))]
Keeper = Annotated[Principal, Depends(requires("user-library-modify"))]

EXPERIMENT = "blend-diversity"
ARMS: Mapping[str, float] = {"control": 0.5, "diverse": 0.5}
_FRESH = {"cache-control": "private, no-store"}
_RECOMMENDED = Rules(heard="rest", rest_days=0.1, per_artist=4, spacing=2, exploration=0.05)
_NEXT = Rules(
    size=10, heard="rest", rest_days=0.5, per_artist=3, spacing=2, diversity=0.15, freshness=0.02
)
_RADIO = Rules(heard="any", per_artist=100, spacing=2, diversity=0.1, freshness=0, exploration=0.1)
_DIVERSE = 2.0
"""What the arm "diverse" multiplies diversity by."""


def routes(
    serving: Serving,
    listeners: Listeners,
    rendered: Rendered,
    home: Home,
    impressions: Impressions,
    bucket: Callable[[str, str, Mapping[str, float]], str],
    public_url: str,
    *,
    random: Callable[[], Random],
    now: Callable[[], datetime],
) -> APIRouter:
    """`/v1/recommendations`, `/v1/radio/…`, `/v1/me/{top,next-up,home,taste,not-interested}`."""
    router = APIRouter()

    def arm_of(user: Principal, rules: Rules) -> tuple[str, Rules]:
        arm = bucket(EXPERIMENT, user.user_id, ARMS)
        if arm == "diverse":
            rules = replace(rules, diversity=rules.diversity * _DIVERSE)
        return arm, rules

    def logged(offer: Offer, user: Principal, surface: str, arm: str | None = None) -> str:
        return impressions.shown(
            offer,
            user_id=user.user_id,
            territory=user.territory,
            surface=surface,
            experiment=None if arm is None else EXPERIMENT,
            arm=arm,
        )

    def listed(offer: Offer, market: str | None) -> dict[str, Any]:
        catalogue = offer.asked.catalogue
        return {
            "tracks": rendered.tracks(catalogue, offer.items, market),
            "explanations": explained(offer.items, serving.names(catalogue)),
        }

    @router.get(
        "/v1/recommendations",
        openapi_extra=asked.takes(
            "seed_artists", "seed_tracks", "seed_genres", "limit", "market", "hour", "device",
            "activity", "include", more=asked.TUNABLE,
        ),
    )  # fmt: skip
    async def recommendations(request: Request, user: User) -> Response:
        artists, tracks, genres = asked.seeds_of(request)
        limit, tuning_ = asked.limit_of(request), tuning.parse(request.query_params)
        market = query.market(request.query_params.get("market"), user.territory)
        place = market or user.territory
        context = asked.context_of(request)
        of, found = await serving.seeds(user.user_id, place, tracks, artists, genres)
        catalogue = of.catalogue
        kept = tuned(found, catalogue.tracks, tuning_)
        arm, rules = arm_of(user, replace(_RECOMMENDED, size=limit))
        offer = await serving.offer(
            user.user_id, place, rules, random(), context=context, extra=kept,
            only=frozenset() if kept or tuning_ else None, without=frozenset(tracks),
        )  # fmt: skip
        bounded = bool(tuning_.least or tuning_.most)
        if len(offer.items) < limit and not (bounded and offer.items):
            offer = await _more(offer, user, place, rules, tuning_, kept, tracks)
        request_id = logged(offer, user, "recommendations", arm)
        body = {
            "seeds": [
                *(_seed("ARTIST", it, catalogue.of_artist(it), found, kept) for it in artists),
                *(_seed("TRACK", it, [it] * (it in catalogue.items), found, kept) for it in tracks),
                *(_seed("GENRE", it, catalogue.of_genre(it), found, kept) for it in genres),
            ],
            **listed(offer, market),
        }
        if asked.includes(request, "explanations"):
            body["request_id"] = request_id
        else:  # the Web API knows neither, and some of its clients warn of what they do not know
            del body["explanations"]
        return answer(body, headers=_FRESH)

    async def _more(
        offer: Offer, user: Principal, market: str, rules: Rules, tuning_: Tuning,
        kept: list[Candidate],
        seeds: list[str],
    ) -> Offer:  # fmt: skip
        """Seeds that lead nowhere are filled up with what the listener likes; bounds that nothing
        keeps with what comes nearest to them. A user never sees an empty page."""
        aims = {**tuning_.least, **tuning_.most, **tuning_.target}
        nearest: list[Candidate] = []
        if aims:
            catalogue = offer.asked.catalogue
            every = (Candidate(id, "seeds", 1.0) for id in catalogue.items)
            nearest = tuned(every, catalogue.tracks, Tuning(target=aims))
            nearest.sort(key=lambda it: -it.score)
            rules = replace(rules, diversity=0.0, freshness=0.0, exploration=0.0)
        more = await serving.offer(
            user.user_id, market, rules, random(), extra=[*kept, *nearest[: rules.size * 2]],
            only=frozenset() if nearest else None,
        )  # fmt: skip
        there = {it.item.track_id for it in offer.items}
        rest = [it for it in more.items if it.item.track_id not in there]
        others = [it for it in rest if it.item.track_id not in seeds]
        items = (*offer.items, *others) or tuple(rest)
        return replace(offer, items=items[: rules.size])

    def _seed(
        kind: str, id: str, own: list[str], found: list[Candidate], kept: list[Candidate]
    ) -> dict[str, Any]:
        href = None if kind == "GENRE" else f"{public_url}/v1/{kind.lower()}s/{id}"
        pool = len(found) if own else 0
        left = len(kept) if own else 0
        return {
            "id": id,
            "type": kind,
            "href": href,
            "initialPoolSize": pool,
            "afterFilteringSize": left,
            "afterRelinkingSize": left,
        }

    @router.get(
        "/v1/me/next-up",
        openapi_extra=asked.takes("page_limit", "market", "played", "hour", "device", "activity"),
    )
    async def next_up(request: Request, user: Listening) -> Response:
        """What to play next, by what was just played: sessions are followed event by event."""
        limit = asked.limit_of(request, 50, 10)
        market = query.market(request.query_params.get("market"), user.territory)
        place = market or user.territory
        told = asked.played_of(request, now().timestamp())
        context = asked.context_of(request)
        _, candidates = await serving.session(user.user_id, place, told)
        offer = await serving.offer(
            user.user_id, place, replace(_NEXT, size=limit), random(),
            context=context, extra=candidates, told=told,
        )  # fmt: skip
        request_id = logged(offer, user, "next-up")
        return answer({**listed(offer, market), "request_id": request_id}, headers=_FRESH)

    @router.get("/v1/me/home", openapi_extra=asked.takes("market", "hour", "device", "activity"))
    async def get_home(request: Request, user: User) -> Response:
        market = query.market(request.query_params.get("market"), user.territory)
        arm = bucket(EXPERIMENT, user.user_id, ARMS)
        shelves = await home.shelves(
            user.user_id, market or user.territory, asked.context_of(request), random(),
            diverse=arm == "diverse",
        )  # fmt: skip
        views = []
        for shelf in shelves:
            if shelf.offer is not None:
                request_id = logged(shelf.offer, user, f"home:{shelf.id}", arm)
                views.append(shelf.view | listed(shelf.offer, market) | {"request_id": request_id})
            else:
                views.append(shelf.view)
        return answer({"shelves": views}, headers=_FRESH)

    @router.get(
        "/v1/me/top/tracks", openapi_extra=asked.takes("time_range", "page_limit", "offset")
    )
    @router.get(
        "/v1/me/top/artists", openapi_extra=asked.takes("time_range", "page_limit", "offset")
    )
    async def top(request: Request, user: TopReader) -> Response:
        kind = "artists" if "artists" in request.scope["path"] else "tracks"
        name, page = asked.range_of(request), asked.page_of(request)
        taste, catalogue = await listeners.find(user.user_id), await serving.catalogue()
        ids = tastes.top(taste, name, kind)
        if kind == "tracks":
            ids = [id for id in ids if id in catalogue.items and catalogue.items[id].plays]
        else:
            ids = list(dict.fromkeys(catalogue.artist(id) for id in ids))
            ids = [id for id in ids if catalogue.names.get(id)]
        shown = ids[page.offset : page.offset + page.limit]
        items: list[Any] = (
            [rendered.track(catalogue, id, None) for id in shown]
            if kind == "tracks"
            else [artist_view(public_url, catalogue, id) for id in shown]
        )
        path = f"{public_url}/v1/me/top/{kind}"
        body = page_view(path, page, items, len(ids), {"time_range": name})
        return answer(body, headers=_FRESH)

    @router.get(
        "/v1/radio/tracks/{id}", openapi_extra=asked.takes("page_limit", "market", "cursor")
    )
    @router.get(
        "/v1/radio/artists/{id}", openapi_extra=asked.takes("page_limit", "market", "cursor")
    )
    async def get_radio(id: str, request: Request, user: User) -> Response:
        """A station that never ends; `next` goes on where this page stops."""
        kind = "artist" if "/artists/" in request.scope["path"] else "track"
        seed = parse_id(id, f"{kind} id")
        limit = asked.limit_of(request, 50)
        market = query.market(request.query_params.get("market"), user.territory)
        place = market or user.territory
        text = request.query_params.get("cursor")
        catalogue = await serving.catalogue()
        if text:
            station = radio.parse(text)
        elif catalogue.knows_artist(seed) if kind == "artist" else seed in catalogue.items:
            station = radio.Station(random().getrandbits(32), kind, (seed,))
        else:
            raise NotFound(f"no {kind} {seed}", code=f"{kind.upper()}_NOT_FOUND")
        tracks, artists = ((), station.seeds) if station.kind == "artist" else (station.seeds, ())
        _, found = await serving.seeds(user.user_id, place, tracks, artists, ())
        if station.page == 0 and station.kind == "track":
            found = [
                Candidate(seed, "seeds", 2 * max((it.score for it in found), default=1.0)),
                *found,
            ]
        fresh = set(radio.unplayed(station, (it.track_id for it in found)))
        extra = [it for it in found if it.track_id in fresh]
        rules = replace(_RADIO, size=limit)
        offer = await serving.offer(
            user.user_id, place, rules, station.random(), extra=extra, only=frozenset()
        )
        left = len(extra) - len(offer.items)
        if len(offer.items) < limit:
            left = 0
            there = {it.item.track_id for it in offer.items}
            more = await serving.offer(user.user_id, place, rules, station.random())
            rest = [it for it in more.items if it.item.track_id not in there]
            offer = replace(offer, items=(*offer.items, *rest)[:limit])
        after = radio.turned(station, [it.item.track_id for it in offer.items], left)
        request_id = logged(offer, user, "radio")
        path = f"{public_url}/v1/radio/{kind}s/{id}"
        more_query = f"?limit={limit}" + (f"&market={market}" if market else "")
        cursor = radio.cursor(after)
        body = {
            "href": path + more_query,
            "next": f"{path}{more_query}&cursor={cursor}",
            "cursor": cursor,
            **listed(offer, market),
            "request_id": request_id,
        }
        return answer(body, headers=_FRESH)

    @router.get("/v1/me/taste")
    async def get_taste(user: LibraryReader) -> Response:
        return answer(_taste_view(await listeners.find(user.user_id)), headers=_FRESH)

    @router.put("/v1/me/taste")
    async def put_taste(request: Request, user: Keeper) -> Response:
        """Artists picked at the start, and whether explicit tracks may be offered."""
        body = await asked.taste_of(request)
        given = body.artists
        if given is not None and len(given) > tastes.MOST_CHOSEN:
            raise Invalid(f"at most {tastes.MOST_CHOSEN} artists", code="TOO_MANY_IDS")
        chosen = None if given is None else [asked.uri(it, ("artist",))[1] for it in given]

        def change(taste: tastes.Taste) -> tastes.Taste:
            return replace(
                taste,
                chosen=taste.chosen if chosen is None else tuple(dict.fromkeys(chosen)),
                explicit=taste.explicit if body.explicit is None else body.explicit,
            )

        await listeners.update(user.user_id, change)
        serving.forget(user.user_id)
        return answer(_taste_view(await listeners.find(user.user_id)))

    def _taste_view(taste: tastes.Taste) -> dict[str, Any]:
        return {
            "artists": [f"spotify:artist:{id}" for id in taste.chosen],
            "explicit": taste.explicit,
        }

    @router.get("/v1/me/not-interested")
    async def get_unwanted(user: LibraryReader) -> Response:
        taste = await listeners.find(user.user_id)
        catalogue = await serving.catalogue()
        uris = [
            f"spotify:{'track' if id in catalogue.items else 'artist'}:{id}"
            for id in taste.unwanted
        ]
        return answer({"uris": uris}, headers=_FRESH)

    @router.put("/v1/me/not-interested", openapi_extra=asked.takes("uris", needed=("uris",)))
    @router.delete("/v1/me/not-interested", openapi_extra=asked.takes("uris", needed=("uris",)))
    async def change_unwanted(request: Request, user: Keeper) -> Response:
        """What is put away is never offered again; DELETE takes it back."""
        ids = [id for _, id in asked.uris_of(request.query_params.get("uris"))]
        wanted = request.method == "DELETE"
        await listeners.update(user.user_id, lambda it: tastes.unwanted(it, ids, wanted))
        return Response(status_code=204)

    return router
