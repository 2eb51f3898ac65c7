"""What this service's operations answer, for its OpenAPI document.

Every method answers the same envelope, in three formats; OpenSubsonic's own specification says
what each puts into it.

Source: https://opensubsonic.netlify.app/docs/openapi/
"""

from collections.abc import Mapping

from functions.subsonic.api import PUBLIC
from functions.subsonic.methods import METHODS
from shared.web.shapes import TEXT, YES_NO, Answers, Content, Either, record, word

_RESPONSE = record(
    "SubsonicAnswer",
    {
        "subsonic-response": record(
            "SubsonicResponse",
            {
                "status": word("ok", "failed"),
                "version": TEXT,
                "type": TEXT,
                "serverVersion": TEXT,
                "openSubsonic": YES_NO,
            },
            {"error": record("SubsonicError", {"code": {"type": "integer"}, "message": TEXT})},
        )
    },
)
_ANSWER = Either(Content("application/xml"), _RESPONSE, Content("application/javascript"))
_SENDS_ON = frozenset({"stream", "download", "getCoverArt"})


def _answers(name: str) -> Answers:
    return {200: _ANSWER, 302: None} if name in _SENDS_ON else {200: _ANSWER}


ANSWERS: Mapping[str, Answers | None] = {
    f"GET /rest/{name}": _answers(name) for name in (*METHODS, PUBLIC)
}
