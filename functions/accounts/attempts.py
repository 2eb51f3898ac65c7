"""Limits on guessing: what this process saw at once, and what all instances counted.

Every attempt first takes from a bucket in memory, which bounds bursts on this instance exactly.
Failures are counted in documents, which bound all instances together approximately: the count is
read before the attempt and written after a failure, with the read as precondition and no lock. So
guesses under way at the same moment on n instances may exceed a limit by n bursts, never more.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.accounts.limiter import Limiter
from shared.errors import TooManyRequests, Unavailable
from shared.gcp.documents import Documents
from shared.ids import base62

log = logging.getLogger(__name__)

COLLECTION = "attempts"


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failures in the window that ends at `expires_at`, which is the TTL too."""

    failures: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `failures` in `window`, counted from the first."""

    failures: int
    window: timedelta


PAIR = Limit(10, timedelta(minutes=15))
"""One account from one address."""
ACCOUNT = Limit(100, timedelta(hours=1))
"""One account from anywhere; higher, so that a stranger locks nobody out cheaply."""
ADDRESS = Limit(50, timedelta(minutes=15))
"""One address against all accounts: many people may share it."""
MAILBOX = Limit(5, timedelta(hours=1))
"""Mails to one mailbox, whoever asks for them."""
MAILER = Limit(20, timedelta(hours=1))
"""Mails that one address asks for."""


class TooManyAttempts(TooManyRequests):
    """Guessing is over for a while."""

    code = "TOO_MANY_ATTEMPTS"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many attempts: wait, then try again", retry_after_s=retry_after_s)


class Throttle:
    """Counts failures by account, by address, and by both."""

    def __init__(
        self,
        documents: Documents[Attempts],
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._documents = documents
        self._now = now
        self._monotonic = monotonic
        self._burst = Limiter(burst=PAIR.failures, per_s=0.5)

    async def check(self, kind: str, account: str, address: str) -> None:
        """Let an attempt through. `kind` keeps passwords apart from device codes.

        Raises:
            TooManyAttempts: of this account, this address, or both.
        """
        if not self._burst.take(f"{kind} {account} {address}", self._monotonic()):
            raise TooManyAttempts(2)
        limits = _limits(kind, account, address)
        now = self._now()
        for key, found in (await self._documents.find_many(limits)).items():
            if found.expires_at > now and found.failures >= limits[key].failures:
                raise TooManyAttempts(int((found.expires_at - now).total_seconds()))

    async def spend(self, kind: str, account: str, address: str) -> None:
        """Let an attempt through that counts whatever comes of it, as a mail does.

        Raises:
            TooManyAttempts
        """
        await self.check(kind, account, address)
        await self.failed(kind, account, address)

    async def failed(self, kind: str, account: str, address: str) -> None:
        """Count a failure. One that meets too many others at once is not counted twice."""
        now = self._now()
        for key, limit in _limits(kind, account, address).items():

            def count(found: Attempts | None, limit: Limit = limit) -> Attempts:
                if found is None or found.expires_at <= now:
                    return Attempts(1, now + limit.window)
                return Attempts(found.failures + 1, found.expires_at)

            try:
                await self._documents.update(key, count)
            except Unavailable as error:
                # The bucket in memory still holds; the others who were quicker did count.
                log.warning("an attempt was not counted", exc_info=error)


def _limits(kind: str, account: str, address: str) -> dict[str, Limit]:
    mails = kind == "mail"
    named = {
        f"account {account}": MAILBOX if mails else ACCOUNT,
        f"address {address}": MAILER if mails else ADDRESS,
    }
    if not mails:
        named[f"pair {account} {address}"] = PAIR
    return {_key(f"{kind} {name}"): limit for name, limit in named.items()}


def _key(name: str) -> str:
    """Addresses and accounts are personal: only a hash is kept, and not for long."""
    return base62(hashlib.sha256(name.encode("utf-8", "replace")).digest())
