"""What this service's operations answer, for its OpenAPI document."""

from collections.abc import Mapping

from shared.web.shapes import (
    ALBUM,
    ARTIST,
    COUNT,
    IMAGE,
    INSTANT,
    PUBLIC_USER,
    TEXT,
    TRACK,
    YES_NO,
    Answers,
    Shape,
    cursor_page,
    linked,
    many,
    nullable,
    page,
    record,
)

_PODCAST: Mapping[str, Shape] = {
    "name": TEXT,
    "description": TEXT,
    "html_description": TEXT,
    "explicit": YES_NO,
    "images": many(IMAGE),
    "languages": many(TEXT),
    "is_externally_hosted": YES_NO,
}
_SHOW = record(
    "Show",
    {
        **linked("show"),
        **_PODCAST,
        "copyrights": many(record(None, {"text": TEXT, "type": TEXT})),
        "media_type": TEXT,
        "publisher": TEXT,
        "total_episodes": COUNT,
    },
)
_EPISODE = record(
    "Episode",
    {
        **linked("episode"),
        **_PODCAST,
        "audio_preview_url": nullable(TEXT),
        "duration_ms": COUNT,
        "is_playable": YES_NO,
        "release_date": TEXT,
        "release_date_precision": TEXT,
        "show": _SHOW,
    },
)
_LISTS: Mapping[str, tuple[str, Shape]] = {
    "tracks": ("Track", TRACK),
    "albums": ("Album", ALBUM),
    "shows": ("Show", _SHOW),
    "episodes": ("Episode", _EPISODE),
}
_FOLLOWED = record(
    "Followed",
    {},
    {"artists": cursor_page("Artist", ARTIST), "users": cursor_page("User", PUBLIC_USER)},
)
_CONTAINED = many(YES_NO)


def _of(path: str, name: str, item: Shape) -> dict[str, Answers]:
    saved = record(f"Saved{name}", {"added_at": INSTANT, name.lower(): item})
    return {
        f"GET /v1/me/{path}": {200: page(f"Saved{name}", saved), 304: None},
        f"PUT /v1/me/{path}": {200: None},
        f"DELETE /v1/me/{path}": {200: None},
        f"GET /v1/me/{path}/contains": {200: _CONTAINED},
    }


ANSWERS: Mapping[str, Answers | None] = {
    **{key: it for path, of in _LISTS.items() for key, it in _of(path, *of).items()},
    "PUT /v1/me/library": {200: None},
    "DELETE /v1/me/library": {200: None},
    "GET /v1/me/library/contains": {200: _CONTAINED},
    "GET /v1/me/library/added": {200: many(nullable(INSTANT))},
    "GET /v1/me/following": {200: _FOLLOWED, 304: None},
    "PUT /v1/me/following": {204: None},
    "DELETE /v1/me/following": {204: None},
    "GET /v1/me/following/contains": {200: _CONTAINED},
}
