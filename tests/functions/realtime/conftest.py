from collections.abc import AsyncIterator

import pytest_asyncio

from tests.functions.realtime.rig import Rig


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    it = Rig()
    yield it
    await it.close()


@pytest_asyncio.fixture
async def port(rig: Rig) -> int:
    """A first gateway."""
    return await rig.add_gateway()
