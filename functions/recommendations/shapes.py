"""What this service's operations answer, for its OpenAPI document."""

from collections.abc import Mapping

from shared.web.shapes import (
    ANY,
    ARTIST,
    COUNT,
    ERROR,
    ID,
    INSTANT,
    NUMBER,
    TEXT,
    TRACK,
    URL,
    YES_NO,
    Answers,
    Content,
    many,
    mapping,
    nullable,
    page,
    record,
    word,
)

_EXPLANATION = record(
    "Explanation", {"track_id": ID, "source": TEXT, "reason": TEXT, "because": many(TEXT)}
)
_LIST = {"tracks": many(TRACK), "explanations": many(_EXPLANATION), "request_id": ID}
_SEED = record(
    "RecommendationSeed",
    {
        "id": TEXT,
        "type": word("ARTIST", "TRACK", "GENRE"),
        "href": nullable(URL),
        "initialPoolSize": COUNT,
        "afterFilteringSize": COUNT,
        "afterRelinkingSize": COUNT,
    },
)
_SHELF = record(
    "Shelf",
    {"id": TEXT, "title": TEXT, "kind": word("tracks", "playlists")},
    {**_LIST, "playlists": many(ANY)},
)
_STATION = record("Station", {"href": URL, "next": URL, "cursor": TEXT, **_LIST})
_TASTE = record("Taste", {"artists": many(TEXT), "explicit": YES_NO})
_ARTICLE = record(
    "Article",
    {
        "id": ID,
        "url": nullable(URL),
        "source": TEXT,
        "title": TEXT,
        "excerpt": TEXT,
        "language": nullable(TEXT),
        "published_at": INSTANT,
        "artists": many(record(None, {"id": ID, "name": TEXT, "mentions": COUNT})),
    },
)
_FEED = record(
    "Feed",
    {
        "id": ID,
        "url": URL,
        "added_at": INSTANT,
        "read_at": nullable(INSTANT),
        "entries": COUNT,
        "problem": nullable(TEXT),
    },
)
_TREND = record("Trend", {"artist": ARTIST, "recent": COUNT, "before": COUNT, "score": NUMBER})
_RUN = record(
    "Run",
    {
        "generation": TEXT,
        "zone": TEXT,
        "state": word("running", "done", "failed"),
        "stage": TEXT,
        "done": COUNT,
        "total": COUNT,
        "started_at": INSTANT,
        "updated_at": INSTANT,
        "counts": mapping(COUNT),
        "figures": mapping(NUMBER),
        "message": nullable(TEXT),
    },
)
_RUNS = "/v1/recommendations/runs"

ANSWERS: Mapping[str, Answers | None] = {
    "GET /v1/recommendations": {
        200: record(
            "Recommendations",
            {"seeds": many(_SEED), "tracks": many(TRACK)},
            {"explanations": many(_EXPLANATION), "request_id": ID},
        )
    },
    "GET /v1/me/next-up": {200: record("NextUp", _LIST)},
    "GET /v1/me/home": {200: record("Home", {"shelves": many(_SHELF)})},
    "GET /v1/me/top/tracks": {200: page("Track", TRACK)},
    "GET /v1/me/top/artists": {200: page("Artist", ARTIST)},
    "GET /v1/radio/tracks/{id}": {200: _STATION, 404: ERROR},
    "GET /v1/radio/artists/{id}": {200: _STATION, 404: ERROR},
    "GET /v1/me/taste": {200: _TASTE},
    "PUT /v1/me/taste": {200: _TASTE},
    "GET /v1/me/not-interested": {200: record("NotInterested", {"uris": many(TEXT)})},
    "PUT /v1/me/not-interested": {204: None},
    "DELETE /v1/me/not-interested": {204: None},
    "POST /v1/articles": {201: _ARTICLE},
    "GET /v1/articles": {200: record("Articles", {"articles": many(_ARTICLE)})},
    "GET /v1/articles/{id}": {200: _ARTICLE, 404: ERROR},
    "DELETE /v1/articles/{id}": {204: None},
    "POST /v1/articles/feeds": {201: _FEED, 409: ERROR},
    "GET /v1/articles/feeds": {200: record("Feeds", {"feeds": many(_FEED)})},
    "DELETE /v1/articles/feeds/{id}": {204: None},
    "GET /v1/articles/trending": {200: record("Trending", {"artists": many(_TREND)})},
    f"POST {_RUNS}": {
        202: record("Launched", {"generation": TEXT, "zone": TEXT, "job": TEXT}),
        409: ERROR,
    },
    f"GET {_RUNS}": {200: record("Runs", {"items": many(_RUN)})},
    f"GET {_RUNS}/{{generation}}/{{zone}}": {200: _RUN, 404: ERROR},
    f"GET {_RUNS}/{{generation}}/{{zone}}/report": {200: Content("text/html"), 404: ERROR},
}
