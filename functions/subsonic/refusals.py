"""What OpenSubsonic can say when it does not do what it was asked.

Source: https://opensubsonic.netlify.app/docs/responses/error/
"""

GENERIC = 0
MISSING = 10
WRONG_CREDENTIALS = 40
MECHANISM_NOT_SUPPORTED = 42
MECHANISMS_CONFLICT = 43
INVALID_API_KEY = 44
NOT_AUTHORIZED = 50
NOT_FOUND = 70


class Refused(Exception):
    """A failure by its code. Clients get it with HTTP status 200, as Subsonic's always have."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def missing(name: str) -> Refused:
    """A parameter is needed and was not given."""
    return Refused(MISSING, f"required parameter is missing: {name}")


def no_such(what: str) -> Refused:
    """Nothing has that id."""
    return Refused(NOT_FOUND, f"no such {what}")
