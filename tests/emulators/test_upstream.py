import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest

from emulators.ports import free_port
from emulators.runtime.grpc_proxy import Call, Refused
from emulators.runtime.upstream import Upstream

PATH = "/some.Service/Echo"


class _Echo(grpc.GenericRpcHandler):
    def service(self, handler_call_details):
        async def echo(request: bytes, context) -> bytes:
            return request

        return grpc.unary_unary_rpc_method_handler(echo)


@contextlib.asynccontextmanager
async def _emulator(port: int) -> AsyncIterator[None]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((_Echo(),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(0)


@contextlib.asynccontextmanager
async def _running(upstream: Upstream) -> AsyncIterator[None]:
    task = asyncio.create_task(upstream.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


CALL = Call("user:operator", PATH, (), None)


async def test_every_connection_is_prepared_before_a_call_passes():
    port, prepared = free_port(), []

    async def prepare(channel: grpc.aio.Channel) -> None:
        await asyncio.sleep(0.2)
        prepared.append(channel)

    upstream = Upstream("it", f"127.0.0.1:{port}", prepare)
    async with _running(upstream):
        async with _emulator(port):
            assert await upstream.unary(CALL, b"one") == b"one"
            assert len(prepared) == 1
        async with asyncio.timeout(10):
            while upstream.is_open:  # noqa: ASYNC110 - it has no event for closing
                await asyncio.sleep(0.01)
        waiting = asyncio.create_task(upstream.unary(CALL, b"two"))
        async with _emulator(port):
            assert await waiting == b"two"
            assert len(prepared) == 2


async def test_a_call_gives_up_when_the_emulator_stays_away():
    async def prepare(channel: grpc.aio.Channel) -> None: ...

    upstream = Upstream("the emulator", f"127.0.0.1:{free_port()}", prepare)
    async with _running(upstream):
        with pytest.raises(Refused, match="the emulator is not running") as caught:
            await upstream.channel(0.1)
    assert caught.value.status is grpc.StatusCode.UNAVAILABLE


async def test_failing_preparation_is_tried_again_and_lets_nothing_pass():
    port, tries = free_port(), []

    async def prepare(channel: grpc.aio.Channel) -> None:
        tries.append(1)
        if len(tries) < 2:
            raise ValueError("not yet")

    upstream = Upstream("it", f"127.0.0.1:{port}", prepare)
    async with _emulator(port), _running(upstream):
        with pytest.raises(Refused, match="not yet"):
            await upstream.channel(0.3)
        assert await upstream.unary(CALL, b"x") == b"x"


async def test_no_new_connection_is_prepared_while_an_answer_is_being_dealt_with():
    port, prepared = free_port(), []

    async def prepare(channel: grpc.aio.Channel) -> None:
        prepared.append(1)

    upstream = Upstream("it", f"127.0.0.1:{port}", prepare)
    async with _running(upstream):
        with upstream.using():
            async with _emulator(port):
                await asyncio.sleep(0.5)
                assert prepared == []
        async with _emulator(port):
            await upstream.channel(5)
    assert prepared
