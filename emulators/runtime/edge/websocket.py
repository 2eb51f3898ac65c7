"""Carries a WebSocket: both ends are spoken, messages go across, closing codes too."""

import asyncio
from dataclasses import dataclass

import aiohttp

from emulators.runtime.edge.asgi import Headers, Receive, Scope, Send, refuse
from emulators.runtime.edge.instances import Instances
from emulators.runtime.edge.proxy import refusal_for, target, text_headers

MAX_MESSAGE_BYTES = 16 << 20
CONNECT_WAIT_S = 10.0
_GOING_AWAY = 1001
_BROKEN = 1011
_NOT_SENT = frozenset({1005, 1006, 1015})  # codes that say how it ended, never sent (RFC 6455 §7.4)


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Forwards WebSockets to the instances of Cloud Run services.

    An open one takes an instance's slot, and ends at the service's request timeout, as there.
    """

    session: aiohttp.ClientSession
    instances: Instances

    async def __call__(
        self, service: str, scope: Scope, receive: Receive, send: Send, headers: Headers
    ) -> None:
        """Shake hands with an instance first: its refusal is what the client gets."""
        if (await receive())["type"] != "websocket.connect":
            return
        accepted = False
        try:
            async with self.instances.lease(service) as port:
                upstream = await self._connect(scope, port, headers)
                async with upstream:
                    accept = {"type": "websocket.accept", "subprotocol": upstream.protocol}
                    await send(accept)
                    accepted = True
                    await self._carry(service, upstream, receive, send)
        except aiohttp.WSServerHandshakeError as error:
            await refuse(scope, send, error.status, "HANDSHAKE_REFUSED", error.message)
        except Exception as error:
            refusal = refusal_for(service, error)
            if refusal is None or accepted:
                raise
            await refuse(scope, send, *refusal)

    async def _connect(
        self, scope: Scope, port: int, headers: Headers
    ) -> aiohttp.ClientWebSocketResponse:
        kept = [(name, value) for name, value in headers if not name.startswith(b"sec-websocket-")]
        deadline = asyncio.get_running_loop().time() + CONNECT_WAIT_S
        while True:
            try:
                return await self.session.ws_connect(
                    target(scope, port),
                    headers=text_headers(kept),
                    protocols=scope.get("subprotocols") or (),
                    max_msg_size=MAX_MESSAGE_BYTES,
                    autoclose=False,
                )
            except aiohttp.ClientConnectorError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.1)

    async def _carry(
        self,
        service: str,
        upstream: aiohttp.ClientWebSocketResponse,
        receive: Receive,
        send: Send,
    ) -> None:
        down = asyncio.ensure_future(_down(upstream, send))
        up = asyncio.ensure_future(_up(upstream, receive))
        timeout_s = self.instances.limits(service).timeout_s
        try:
            done, _ = await asyncio.wait(
                (down, up), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                await upstream.close(code=_GOING_AWAY)
                await _close(send, _GOING_AWAY, "request timeout")
            elif up not in done:  # else the client has closed already
                await _close(send, *down.result())
        finally:
            for task in (down, up):
                task.cancel()
            await asyncio.gather(down, up, return_exceptions=True)


async def _close(send: Send, code: int, reason: str) -> None:
    code = _BROKEN if code in _NOT_SENT else code
    await send({"type": "websocket.close", "code": code, "reason": reason})


async def _down(upstream: aiohttp.ClientWebSocketResponse, send: Send) -> tuple[int, str]:
    """Carry messages to the client; how the service closed: code and reason."""
    while True:
        message = await upstream.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            await send({"type": "websocket.send", "text": message.data})
        elif message.type is aiohttp.WSMsgType.BINARY:
            await send({"type": "websocket.send", "bytes": message.data})
        elif message.type is aiohttp.WSMsgType.CLOSE:
            return message.data or 1000, message.extra or ""
        else:
            return _BROKEN, "the connection to the service broke"


async def _up(upstream: aiohttp.ClientWebSocketResponse, receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            code = message.get("code") or 1000
            await upstream.close(code=1000 if code in _NOT_SENT else code)
            return
        if message.get("text") is not None:
            await upstream.send_str(message["text"])
        else:
            await upstream.send_bytes(message["bytes"])
