"""The API over HTTP: tokens, retries that honour Retry-After, typed errors."""

import contextlib
import email.utils
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import httpx

from segue import __version__
from segue.errors import ConfigError, NotFound, ServerError, Unauthorized, Unreachable, from_answer

RETRYABLE = frozenset({429, 500, 502, 503, 504})
TIMEOUT = httpx.Timeout(30.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class Retry:
    """`attempts` in all; waits double from `base_s` to `cap_s` unless Retry-After says."""

    attempts: int = 5
    base_s: float = 0.25
    cap_s: float = 8.0

    def wait_s(self, attempt: int, retry_after: str | None = None, now_s: float = 0.0) -> float:
        """Seconds to wait after failed `attempt` (0 is the first).

        `retry_after` is the header's value: seconds or an HTTP date (RFC 9110 §10.2.3), of
        which a date is held against `now_s`. Never more than a minute.
        """
        if retry_after:
            with contextlib.suppress(ValueError):
                return min(max(float(retry_after), 0.0), 60.0)
            with contextlib.suppress(ValueError):
                date = email.utils.parsedate_to_datetime(retry_after)
                return min(max(date.timestamp() - now_s, 0.0), 60.0)
        return min(self.base_s * 2**attempt, self.cap_s)


RETRY = Retry()


class Client:
    """One host as one OAuth client. Safe to share between threads."""

    def __init__(
        self,
        host: str,
        client_id: str,
        client_secret: str,
        *,
        http: httpx.Client | None = None,
        retry: Retry = RETRY,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.host = host.rstrip("/")
        self._credentials = (client_id, client_secret)
        self.http = http or httpx.Client(
            timeout=TIMEOUT, headers={"User-Agent": f"segue-python/{__version__}"}
        )
        self._retry, self._sleep, self._now = retry, sleep, now
        self._lock = threading.Lock()
        self._token, self._token_until = "", 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def token(self, *, fresh: bool = False) -> str:
        """An access token, renewed a minute before it ends.

        Raises:
            Unauthorized: the client's credentials are refused.
        """
        with self._lock:
            if fresh or self._now() >= self._token_until - 60:
                answer = self._ask_token()
                self._token = answer["access_token"]
                self._token_until = self._now() + float(answer.get("expires_in", 3600))
            return self._token

    def narrow_token(self, *scopes: str) -> str:
        """A fresh access token for `scopes` alone, to be handed to somebody else.

        Raises:
            Unauthorized: the client's credentials are refused.
            ApiError: the client has not got one of the scopes.
        """
        return self._ask_token(scope=" ".join(scopes))["access_token"]

    def _ask_token(self, **more: str) -> dict[str, Any]:
        form = {"grant_type": "client_credentials", **more}
        try:
            return self._send(
                "POST", "/api/token", idempotent=True, data=form, auth=self._credentials
            ).json()
        except (NotFound, ValueError) as error:
            raise ConfigError(
                f"{self.host} is no Segue: it gives no access tokens", code="NOT_SEGUE"
            ) from error

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        return self.call("GET", path, params=params or None)

    def post(self, path: str, body: Any, *, idempotent: bool = False) -> dict[str, Any]:
        """POST `body` as JSON. `idempotent`: doing it twice is harmless, so retry in doubt too."""
        return self.call("POST", path, idempotent=idempotent, json=body)

    def text(self, path: str, **params: Any) -> str:
        """GET something that is no JSON."""
        return self._authorised("GET", path, params=params or None).text

    def delete(self, path: str) -> dict[str, Any]:
        return self.call("DELETE", path)

    def call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """One authorised API call; a token refused half-way is renewed once.

        Raises:
            ApiError: the API said no; see `segue.errors`.
            Unreachable: no answer after all attempts.
        """
        answer = self._authorised(method, path, **request)
        return answer.json() if answer.content else {}

    def lines(self, path: str) -> list[dict[str, Any]]:
        """The objects of an answer in JSON Lines. Raises as `call` does."""
        return [json.loads(line) for line in self._authorised("GET", path).iter_lines() if line]

    def _authorised(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **request: Any
    ) -> httpx.Response:
        for fresh in (False, True):
            bearer = {**(headers or {}), "Authorization": f"Bearer {self.token(fresh=fresh)}"}
            try:
                return self._send(method, path, headers=bearer, **request)
            except Unauthorized:
                if fresh:
                    raise
        raise AssertionError("unreachable")

    def pages(self, path: str, *, limit: int = 50) -> Iterator[dict[str, Any]]:
        """Every item of a paged list, page by page, in the API's order."""
        offset = 0
        while True:
            page = self.get(path, limit=limit, offset=offset)
            yield from page["items"]
            offset += len(page["items"])
            if not page.get("next") or not page["items"]:
                return

    def _send(
        self, method: str, path: str, *, idempotent: bool | None = None, **request: Any
    ) -> httpx.Response:
        safe = method in {"GET", "HEAD", "PUT", "DELETE"} if idempotent is None else idempotent
        url = path if path.startswith(("http://", "https://")) else self.host + path
        for attempt in range(self._retry.attempts):
            last = attempt == self._retry.attempts - 1
            try:
                answer = self.http.request(method, url, **request)
            except httpx.TransportError as error:
                # Nothing was sent when the connection was refused: always safe to repeat.
                repeat = safe or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if last or not repeat:
                    raise Unreachable(f"{self.host} does not answer ({_why(error)})") from error
                self._sleep(self._retry.wait_s(attempt))
                continue
            if answer.is_success:
                return answer
            # 429 and 503 promise that nothing was done.
            repeat = answer.status_code in ({429, 503} if not safe else RETRYABLE)
            if last or not repeat:
                raise from_answer(answer.status_code, answer.content)
            after = answer.headers.get("Retry-After")
            self._sleep(self._retry.wait_s(attempt, after, self._now()))
        raise ServerError("no attempts were allowed", status=0)


def _why(error: httpx.TransportError) -> str:
    return str(error) or type(error).__name__
