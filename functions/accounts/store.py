"""Where clients are kept. The operator is not: it comes with the deployment."""

from functions.accounts.domain import Client
from shared.gcp.documents import Documents

COLLECTION = "clients"


class Clients:
    """Registered clients in documents, and the one that the settings define."""

    def __init__(self, documents: Documents[Client], operator: Client) -> None:
        self._documents = documents
        self._operator = operator

    async def find(self, client_id: str) -> Client | None:
        """The client, or None. `client_id` may be any text that someone sent."""
        if client_id == self._operator.client_id:
            return self._operator
        if not (client_id.isascii() and client_id.isalnum() and len(client_id) <= 64):
            return None
        return await self._documents.find(client_id)

    async def create(self, client: Client) -> None:
        """Keep a new client. Raises Conflict when its id is taken."""
        await self._documents.create(client.client_id, client)
