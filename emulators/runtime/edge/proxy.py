"""Carries a request to an instance and its response back, as they come, without holding either."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from emulators.runtime.edge.asgi import BrokenOff, Headers, Receive, Scope, Send, refuse
from emulators.runtime.edge.instances import Instances, NoInstance, Overloaded

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
CONNECT_WAIT_S = 10.0
_SERVER_OWN = frozenset({b"date", b"server"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_RETRY_S = 0.1
_WATCH_AFTER_S = 0.05
_DIGITS = re.compile(rb"[0-9]{1,18}")


class Malformed(Exception):
    """The request's framing could be read in two ways (request smuggling): 400."""


class ClientGone(Exception):
    """The client closed the connection: nobody is left to answer."""


def check_framing(headers: Headers) -> None:
    """Refuse framing that two servers could read differently.

    The parser has refused most of it already; what it lets through must not reach an instance.

    Raises:
        Malformed: two lengths, a length beside a transfer coding, or a coding but chunked.
    """
    lengths = [value for name, value in headers if name == b"content-length"]
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    if len(lengths) > 1 or len(codings) > 1 or (lengths and codings):
        raise Malformed("the body's length is given twice")
    if lengths and not _DIGITS.fullmatch(lengths[0]):
        raise Malformed("the body's length is not a number")
    if codings and codings[0].strip().lower() != b"chunked":
        raise Malformed("a transfer coding but chunked")
    if sum(name == b"host" for name, _ in headers) > 1:
        raise Malformed("two Host headers")


def end_to_end(headers: Iterable[tuple[bytes, bytes]], drop: frozenset[bytes]) -> Headers:
    """The headers that go on: without hop-by-hop ones, those Connection names, and `drop`."""
    headers = list(headers)
    named = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }
    gone = HOP_BY_HOP | named | drop
    return [(name.lower(), value) for name, value in headers if name.lower() not in gone]


def text_headers(headers: Headers) -> CIMultiDict[str]:
    """As the client library wants them; repeated headers stay repeated."""
    return CIMultiDict([(name.decode("latin-1"), _text(value)) for name, value in headers])


def target(scope: Scope, port: int, scheme: str = "http") -> URL:
    """The same path and query, byte for byte, at an instance."""
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1")
    return URL(f"{scheme}://127.0.0.1:{port}{path}{'?' + query if query else ''}", encoded=True)


@dataclass(frozen=True, slots=True)
class Proxy:
    """Forwards to the instances of Cloud Run services."""

    session: aiohttp.ClientSession
    instances: Instances
    connect_wait_s: float = CONNECT_WAIT_S

    async def __call__(
        self,
        service: str,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: Headers,
        back: Headers,
    ) -> None:
        """Forward one HTTP request with `headers`; `back` is added to the response."""
        exchange = _Exchange(self, service, scope, receive, send, headers, back)
        try:
            async with asyncio.timeout(self.instances.limits(service).timeout_s):
                await exchange.run()
        except ClientGone:
            return
        except Exception as error:
            refusal = refusal_for(service, error)
            if refusal is None:
                raise
            if exchange.begun:
                raise BrokenOff(refusal[2]) from error
            await refuse(scope, send, *refusal)


def refusal_for(service: str, error: Exception) -> tuple[int, str, str] | None:
    """Status, reason and message that Cloud Run's front end would give for `error`."""
    if isinstance(error, Overloaded):
        return 429, "NO_AVAILABLE_INSTANCE", str(error)
    if isinstance(error, NoInstance):
        return 503, "INSTANCE_NOT_READY", str(error)
    if isinstance(error, TimeoutError):
        return 504, "UPSTREAM_TIMEOUT", f"{service} did not answer in time"
    if isinstance(error, aiohttp.ClientResponseError):
        return 502, "UPSTREAM_MALFORMED", f"{service} gave an answer that is not HTTP"
    if isinstance(error, (aiohttp.ClientError, OSError)):
        return 503, "UPSTREAM_CONNECTION", f"the connection to {service} broke"
    return None


class _Exchange:
    """One request and its response."""

    def __init__(
        self,
        proxy: Proxy,
        service: str,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: Headers,
        back: Headers,
    ) -> None:
        self.proxy = proxy
        self.service = service
        self.scope = scope
        self.receive = receive
        self.send = send
        self.headers = headers
        self.back = back
        self.begun = False
        self.body_started = False
        self.body_done = asyncio.Event()
        self.gone = False
        self.watch: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until the response is sent; stops early when the client goes away.

        Raises:
            ClientGone: it did.
        """
        task = asyncio.current_task()
        assert task is not None
        # Most answers are back before anybody could leave: the watch starts a little later.
        start = asyncio.get_running_loop().call_later(_WATCH_AFTER_S, self._start_watch, task)
        try:
            await self._carry()
        except asyncio.CancelledError:
            if not self.gone:
                raise
            task.uncancel()
            raise ClientGone from None
        finally:
            start.cancel()
            if self.watch is not None:
                self.watch.cancel()

    def _start_watch(self, task: asyncio.Task) -> None:
        self.watch = asyncio.ensure_future(self._watch(task))

    async def _watch(self, task: asyncio.Task) -> None:
        """Cancel `task` when the client has gone; the body, if any, has to be read first."""
        await self.body_done.wait()
        while (await self.receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        task.cancel()

    async def _carry(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.proxy.connect_wait_s
        tried_again = False
        while True:
            async with self.proxy.instances.lease(self.service) as port:
                try:
                    return await self._to(port)
                except aiohttp.ClientConnectorError as error:
                    # Nothing was sent yet: wait for the instance, as for a cold start.
                    if self.body_started or loop.time() > deadline:
                        raise NoInstance(f"{self.service} does not accept connections") from error
                except aiohttp.ClientConnectionError:
                    # A kept connection of an instance that has just gone; reads may go again.
                    again = self.scope["method"] in _READS and not self.body_started
                    if self.begun or tried_again or not again:
                        raise
                    tried_again = True
            await asyncio.sleep(_RETRY_S)

    async def _to(self, port: int) -> None:
        has_body = any(
            (name == b"content-length" and value != b"0") or name == b"transfer-encoding"
            for name, value in self.scope["headers"]
        )
        if not has_body:
            self.body_done.set()
        async with self.proxy.session.request(
            self.scope["method"],
            target(self.scope, port),
            headers=text_headers(self.headers),
            data=self._body() if has_body else None,
            allow_redirects=False,
        ) as response:
            await self._back(response)

    async def _body(self) -> AsyncIterator[bytes]:
        self.body_started = True
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                self.body_done.set()
                return

    async def _back(self, response: aiohttp.ClientResponse) -> None:
        headers = end_to_end(response.raw_headers, _SERVER_OWN) + self.back
        self.begun = True
        await self.send(
            {"type": "http.response.start", "status": response.status, "headers": headers}
        )
        async for part in response.content.iter_any():
            await self.send({"type": "http.response.body", "body": part, "more_body": True})
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})


def _text(value: bytes) -> str:
    with contextlib.suppress(UnicodeDecodeError):
        return value.decode("utf-8")
    return value.decode("latin-1")
