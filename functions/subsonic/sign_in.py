"""Who asks: an app password's salted hash, or an API key, exchanged at accounts for a token.

The secret never comes here. What an exchange gave is remembered for a while under a hash of what
was shown, for clients that keep their salt; those that salt anew each time are exchanged each time.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from functions.subsonic.parameters import Asked
from functions.subsonic.refusals import (
    GENERIC,
    INVALID_API_KEY,
    MECHANISM_NOT_SUPPORTED,
    MECHANISMS_CONFLICT,
    WRONG_CREDENTIALS,
    Refused,
    missing,
)
from functions.subsonic.upstream import Upstream

KNOWN_S = 45.0
MAX_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Listener:
    """A user: an access token, and what clients are told. `plan` is "free" or "premium"."""

    user_id: str
    username: str
    plan: str
    token: str


class _Exchanged(msgspec.Struct):
    access_token: str
    user_id: str
    username: str
    plan: str


class SignIn:
    """Finds out who asks."""

    def __init__(self, upstream: Upstream, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._upstream = upstream
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Listener]] = OrderedDict()

    async def listener(self, asked: Asked) -> Listener:
        """Who proves to be whom.

        Raises:
            Refused: 10, 40, 42, 43 or 44.
        """
        form = credentials(asked)
        key = hashlib.sha256(repr(sorted(form.items())).encode("utf-8", "replace")).digest()
        known = self._known.get(key)
        if known is not None and known[0] > self._clock():
            return known[1]
        answer = await self._upstream.request("POST", "/oauth/app-password", data=form)
        if answer.status_code == 400:
            if "api_key" in form:
                raise Refused(INVALID_API_KEY, "invalid API key")
            raise Refused(WRONG_CREDENTIALS, "wrong user name or app password")
        if answer.status_code != 200:
            raise Refused(GENERIC, "try again")
        found = msgspec.json.decode(answer.content, type=_Exchanged)
        listener = Listener(found.user_id, found.username, found.plan, found.access_token)
        self._known[key] = (self._clock() + KNOWN_S, listener)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return listener


def credentials(asked: Asked) -> dict[str, str]:
    """What the request shows, as accounts takes it.

    `p`, a password in clear, is refused: people would type the account's own there.

    Raises:
        Refused: 10, 42 or 43.
    """
    if asked.given("apiKey"):
        if any(asked.given(name) for name in ("u", "p", "t", "s")):
            raise Refused(MECHANISMS_CONFLICT, "apiKey goes without u, p, t and s")
        return {"api_key": asked.text("apiKey")}
    username = asked.text("u")
    if asked.given("p"):
        if asked.given("t"):
            raise Refused(MECHANISMS_CONFLICT, "p goes without t and s")
        message = (
            "passwords in clear are not taken: use an app password with a token, or an API key"
        )
        raise Refused(MECHANISM_NOT_SUPPORTED, message)
    if not asked.given("t"):
        raise missing("t, or apiKey")
    return {"username": username, "token": asked.text("t"), "salt": asked.text("s")}
