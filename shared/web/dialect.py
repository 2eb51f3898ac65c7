"""Which paths are the Web API's, whose clients are written by others and read errors their way.

There `error.reason` belongs to the player's own few words: tekore looks whatever stands there up
in a list of its own, and fails with a KeyError when it is not found. Our stable code is named
`code` on these paths, `reason` on Segue's own.

Source: https://developer.spotify.com/documentation/web-api/concepts/api-calls; tekore 6.2
`_client/decor/handle.py`
"""

import re

_WEB_API = re.compile(
    r"/v1/(?:albums|artists|audio-analysis|audio-features|audiobooks|browse|chapters|episodes"
    r"|markets|playlists|recommendations|search|shows|tracks|users"
    r"|me(?:/(?:albums|audiobooks|episodes|following|library|player|playlists|shows|top|tracks))?)"
    r"(?:/|$)"
)
_OURS = re.compile(
    r"/v1/(?:me/(?:app-passwords|devices|export|password|sessions)|users/[^/]+/plans)(?:/|$)"
)


def is_web_api(path: str) -> bool:
    """Whether the Web API has the path."""
    return _WEB_API.match(path) is not None and _OURS.match(path) is None
