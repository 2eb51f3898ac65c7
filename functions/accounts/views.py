"""Users as the Web API shows them, with the keys that clients of either dialect read."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from functions.accounts import users
from functions.accounts.users import ENTITLES, User

PRODUCTS = {"free": "open", "premium": "premium"}


def public_profile(user: User, public_url: str) -> dict[str, Any]:
    """What everyone may see."""
    return {
        "display_name": user.display_name,
        "external_urls": {"spotify": f"{public_url}/#/user/{user.user_id}"},
        # Who follows whom is the library's to know; clients need the key.
        "followers": {"href": None, "total": 0},
        "href": f"{public_url}/v1/users/{user.user_id}",
        "id": user.user_id,
        "images": [],
        "type": "user",
        "uri": f"spotify:user:{user.user_id}",
    }


def private_profile(
    user: User, scopes: Collection[str], public_url: str, at: datetime
) -> dict[str, Any]:
    """What a user's application may see besides, by its scopes."""
    shown = public_profile(user, public_url)
    shown["account_id"] = user.user_id
    if "user-read-email" in scopes:
        shown["email"] = user.email
    if "user-read-private" in scopes:
        shown["country"] = user.territory
        shown["product"] = PRODUCTS[ENTITLES[users.plan_at(user, at)]]
        shown["explicit_content"] = {
            "filter_enabled": user.explicit_filter,
            "filter_locked": False,
        }
    return shown
