"""Fixtures over the rig: a function that takes events, and a storage server that sends them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from emulators.runtime.storage.triggers import Trigger
from tests.emulators.storage.rig import TRIGGER, Cloud, Courier, Function


@pytest.fixture
async def function() -> AsyncIterator[Function]:
    function = Function()
    app = web.Application()
    app.router.add_post("/", function.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    function.url = f"{site.name}/"
    yield function
    await runner.cleanup()


@pytest.fixture
def courier(function: Function) -> Courier:
    return Courier(function)


@pytest.fixture
def trigger() -> Trigger:
    return TRIGGER


@pytest.fixture
def make_cloud(tmp_path: Path, courier: Courier, trigger: Trigger) -> Callable[..., Cloud]:
    """A cloud over the test's state directory; may be called again, as after a restart."""

    def make(**changes: object) -> Cloud:
        return Cloud(tmp_path, courier, replace(trigger, **changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
async def cloud(make_cloud: Callable[..., Cloud]) -> AsyncIterator[Cloud]:
    async with make_cloud().running() as cloud:
        yield cloud
