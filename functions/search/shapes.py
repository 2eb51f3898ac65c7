"""What the operations of search answer, as JSON Schema."""

from shared.web import shapes
from shared.web.shapes import TEXT, Answers, many, nullable, record

_SPAN = {"type": "array", "items": shapes.COUNT, "minItems": 2, "maxItems": 2}
_HIGHLIGHTS = record(None, {"name": many(_SPAN)})


def _page(name: str, item: shapes.Shape) -> shapes.Shape:
    """A page whose items may carry highlights, and the page a better spelling."""
    members = {**item["properties"], "highlights": _HIGHLIGHTS}
    found = shapes.page(f"Found{name}", {**item, "title": f"Found{name}", "properties": members})
    found["properties"]["did_you_mean"] = nullable(TEXT)
    return found


_TOTAL = record(None, {"href": shapes.URL, "total": shapes.COUNT})
_PLAYLIST = record(
    "FoundPlaylistObject",
    {
        **shapes.linked("playlist"),
        "collaborative": shapes.YES_NO,
        "description": TEXT,
        "images": many(shapes.IMAGE),
        "name": TEXT,
        "owner": shapes.PUBLIC_USER,
        "primary_color": shapes.NULL,
        "public": shapes.YES_NO,
        "snapshot_id": TEXT,
        "tracks": _TOTAL,
        "items": _TOTAL,
    },
)
_FOUND = record(
    "Found",
    {},
    {
        "tracks": _page("Track", shapes.TRACK),
        "albums": _page("Album", shapes.SIMPLE_ALBUM),
        "artists": _page("Artist", shapes.ARTIST),
        "users": _page("User", shapes.PUBLIC_USER),
        "playlists": _page("Playlist", _PLAYLIST),
        "shows": _page("Show", record("FoundShowObject", {})),
        "episodes": _page("Episode", record("FoundEpisodeObject", {})),
        "audiobooks": _page("Audiobook", record("FoundAudiobookObject", {})),
    },
)
_SUGGESTIONS = record(
    "Suggestions",
    {
        "suggestions": many(
            record(
                "Suggestion",
                {
                    "text": TEXT,
                    "by": many(TEXT),
                    "type": TEXT,
                    "id": TEXT,
                    "uri": TEXT,
                    "href": shapes.URL,
                    "highlights": many(_SPAN),
                },
            )
        )
    },
)

ANSWERS: dict[str, Answers] = {
    "GET /v1/search": {200: _FOUND},
    "GET /v1/search/suggestions": {200: _SUGGESTIONS},
}
