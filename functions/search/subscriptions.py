"""Events in: each kind's own event becomes its document, and joins the log of changes."""

from typing import Any

from functions.search.kinds import KINDS, Kind
from functions.search.live import Live
from shared.web.push import Handler


def handlers(live: Live) -> dict[type, Handler]:
    """The handler of each event that makes something findable. Running twice changes nothing."""

    def on_changed(kind: Kind) -> Handler:
        async def handle(event: Any) -> None:
            await live.append(kind.document(event))

        return handle

    return {kind.event: on_changed(kind) for kind in KINDS.values()}
