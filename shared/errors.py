"""The errors that domains and stores raise; `shared.web.errors` alone maps them to HTTP.

    SegueError
    ├── Invalid            the request is wrong and will stay wrong
    │   ├── TooLarge       a size limit is exceeded
    │   └── Unauthenticated  no principal: token missing, expired, tampered or foreign
    ├── Forbidden          the principal may not do this
    │   └── NotLicensed    no licence lets this listener play this track
    ├── NotFound           nothing of that name exists
    ├── Conflict           the state does not allow it (now)
    │   └── Stale          the caller decided on an older state than there is
    ├── TooManyRequests    the caller must wait first
    └── Unavailable        a dependency failed; trying again may work

Every error has a stable `code` that clients may match on; `message` is for people.
"""


class SegueError(Exception):
    """Base of the tree. `code` is SCREAMING_SNAKE and never changes meaning."""

    code = "INTERNAL"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class Invalid(SegueError):
    code = "INVALID"


class TooLarge(Invalid):
    code = "TOO_LARGE"


class Unauthenticated(Invalid):
    code = "UNAUTHENTICATED"


class Forbidden(SegueError):
    code = "FORBIDDEN"


class NotLicensed(Forbidden):
    code = "NOT_LICENSED"


class NotFound(SegueError):
    code = "NOT_FOUND"


class Conflict(SegueError):
    code = "CONFLICT"


class Stale(Conflict):
    code = "STALE"


class TooManyRequests(SegueError):
    """`retry_after_s`: whole seconds, at least 1."""

    code = "TOO_MANY_REQUESTS"

    def __init__(self, message: str, *, retry_after_s: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = max(1, retry_after_s)


class Unavailable(SegueError):
    code = "UNAVAILABLE"
