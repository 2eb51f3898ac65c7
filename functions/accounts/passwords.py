"""Passwords: what is accepted, and argon2id off the event loop, a bounded number at a time."""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.errors import Invalid, Unavailable

MIN_CHARS = 8
MAX_BYTES = 512
TIME_COST, MEMORY_KIB, PARALLELISM = 2, 19 * 1024, 1
"""OWASP's minimum for argon2id: 19 CPU-ms. The library's defaults take 168."""
WORKERS = 2
MAX_WAITING = 64
"""At 19 ms each, whoever is 65th in line would wait more than half a second."""

_COMMON = frozenset(
    """
    password passw0rd 12345678 123456789 1234567890 11111111 qwertyui qwertyuiop iloveyou sunshine
    princess football baseball superman password1 letmein1 trustno1 abcd1234 welcome1 00000000
    asdfghjkl changeme
    """.split()  # noqa: SIM905 - a table reads best as one
)


def check_strength(password: str, *personal: str) -> None:
    """Refuse what anybody would guess (NIST SP 800-63B §5.1.1.2).

    Raises:
        Invalid: too short, too long, common, or one of `personal` (code WEAK_PASSWORD).
    """
    if len(password) < MIN_CHARS:
        raise Invalid(f"a password has at least {MIN_CHARS} characters", code="WEAK_PASSWORD")
    if len(_bytes(password)) > MAX_BYTES:
        raise Invalid("that password is too long", code="WEAK_PASSWORD")
    lowered = password.lower()
    if lowered in _COMMON or lowered in {it.lower() for it in personal} or len(set(lowered)) < 3:
        raise Invalid("that password is easy to guess", code="WEAK_PASSWORD")


class Passwords:
    """Hashes and verifies. The threads start with the first password."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(TIME_COST, MEMORY_KIB, PARALLELISM)
        self._threads = ThreadPoolExecutor(WORKERS, "argon2")
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The PHC string of `password`. Raises Unavailable when too many wait."""
        return await self._run(self._hasher.hash, _bytes(password))

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether `password` is the one. None takes as long as a wrong one: who has an
        account is nobody's business. Raises Unavailable when too many wait."""
        if len(_bytes(password)) > MAX_BYTES:
            password = ""
        if hashed is None:
            if self._nobody is None:
                self._nobody = await self.hash("nobody has this password")
            await self._run(self._matches, self._nobody, password)
            return False
        return await self._run(self._matches, hashed, password)

    async def stop(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work, *arguments):
        if self._waiting >= MAX_WAITING:
            raise Unavailable("too many sign in at once", code="BUSY")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1


def _bytes(password: str) -> bytes:
    """One password, however the keyboard composes its accents."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")
