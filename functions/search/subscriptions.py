"""Events in: each kind's own event becomes its document, and joins the log of changes."""

from typing import Any

from functions.search.kinds import KINDS, Kind
from functions.search.live import Live
from functions.search.schema import entry
from shared.errors import Invalid
from shared.web.push import Handler


def handlers(live: Live) -> dict[type, Handler]:
    """The handler of each event that makes something findable. Running twice changes nothing."""

    def on_changed(kind: Kind) -> Handler:
        async def handle(event: Any) -> None:
            document = kind.document(event)
            try:
                entry(document)
            except (ValueError, OverflowError, TypeError) as error:
                # Here it goes to the dead letters; in the log it would stop every instance.
                message = f"{kind.name} {document.id} cannot be indexed: {error}"
                raise Invalid(message, code="UNINDEXABLE") from error
            await live.append(document)

        return handle

    return {kind.event: on_changed(kind) for kind in KINDS.values()}
