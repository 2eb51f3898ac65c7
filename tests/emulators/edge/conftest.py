"""The edge over a small cloud of its own."""

import pytest

from tests.emulators.edge.rig import graph, running


@pytest.fixture
async def rig(tmp_path):
    async with running(tmp_path, graph()) as made:
        yield made
