"""Where licences are kept."""

from datetime import datetime

from functions.rights import domain
from functions.rights.domain import Licence
from shared.errors import NotFound
from shared.gcp.documents import Documents

COLLECTION = "licences"


class Licences:
    """Licences by id, and those whose latest change nobody may have heard of."""

    def __init__(self, documents: Documents[Licence]) -> None:
        self._documents = documents

    async def create(self, licence: Licence) -> None:
        """Keep a new licence. Raises Conflict when its id is taken."""
        await self._documents.create(licence.licence_id, licence)

    async def withdraw(self, licence_id: str, at: datetime) -> Licence:
        """Withdraw it, once. Raises NotFound (LICENCE_NOT_FOUND)."""

        def change(licence: Licence | None) -> Licence | None:
            return None if licence is None else domain.withdraw(licence, at)

        licence = await self._documents.update(licence_id, change)
        if licence is None:
            raise NotFound(f"no licence {licence_id}", code="LICENCE_NOT_FOUND")
        return licence

    async def mark_published(self, licence_id: str, version: int) -> None:
        """Remember that this version was published."""

        def change(licence: Licence | None) -> Licence | None:
            return None if licence is None else domain.published(licence, version)

        await self._documents.update(licence_id, change)

    async def unpublished(self, since: datetime) -> list[Licence]:
        """Licences written at or before `since` whose publication was never confirmed."""
        return await self._documents.until("unpublished_at", since)
