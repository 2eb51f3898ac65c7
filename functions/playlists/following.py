"""Following a playlist: library's to keep, so it is asked in the user's own name."""

import httpx

from functions.playlists.shelf import Shelf
from shared.errors import Forbidden, Invalid, Unavailable
from shared.instants import now

TIMEOUT_S = 10


class Following:
    """Passes follows on to library's API with the caller's token."""

    def __init__(self, shelf: Shelf, http: httpx.AsyncClient, public_url: str) -> None:
        self._shelf = shelf
        self._http = http
        self._url = f"{public_url}/v1/me/library"

    async def follow(
        self, user_id: str, playlist_id: str, authorization: str, follows: bool
    ) -> None:
        """Follow, or (not `follows`) let go.

        Raises:
            Forbidden: the token may not (code INSUFFICIENT_SCOPE).
            Unavailable: library did not answer.
        """
        at = now()
        try:
            answer = await self._http.request(
                "PUT" if follows else "DELETE",
                self._url,
                params={"uris": f"spotify:playlist:{playlist_id}"},
                headers={"authorization": authorization},
                timeout=TIMEOUT_S,
            )
        except httpx.HTTPError as error:
            raise Unavailable(f"library did not answer: {error!r}") from error
        if answer.status_code == 403:
            raise Forbidden("needs scope playlist-modify-public", code="INSUFFICIENT_SCOPE")
        if answer.status_code >= 500:
            raise Unavailable(f"library answered {answer.status_code}")
        if answer.is_error:
            raise Invalid("library refused", code="NOT_FOLLOWED")
        # Its event comes too; the user should see it in the very next answer.
        await self._shelf.follow(user_id, playlist_id, follows, at)
