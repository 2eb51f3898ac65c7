"""Who may do what with a playlist, and how large it may become. Pure.

    owner   everything                     public     anybody reads it and finds it
    editor  items, name, picture, undo     unlisted   whoever knows its address reads it
    viewer  reads a private one            private    the owner and collaborators read it

A collaborative playlist lets whoever may read it edit its items, as the Web API's does. What is
made by rule or by Segue (`kind` mix, or a live rule) nobody edits by hand.
"""

from collections.abc import Mapping
from typing import Literal

Role = Literal["owner", "editor", "viewer"]
Visibility = Literal["public", "unlisted", "private"]
Kind = Literal["list", "smart", "mix"]
Act = Literal["items", "details", "sharing", "own"]
"""What an op touches: the items; name, description and picture; who may read and edit, and
everything else of the owner's; the actor's own part in it."""

SEGUE = "segue"
"""The user id of what nobody made: mixes, and what rules do."""

MAX_ITEMS = 20_000
MAX_OPS = 200
"""Ops in one batch, and in one chunk of the log."""
MAX_CHUNK_ITEMS = 2_500
"""Items that the ops of one chunk may carry together: a quarter of a document's size."""
MAX_COLLABORATORS = 500
MAX_INVITES = 50
MAX_NAME = 200
MAX_DESCRIPTION = 1_000


def may_read(visibility: str, roles: Mapping[str, str], owner: str, user: str) -> bool:
    """Whether `user` may see the playlist."""
    return visibility != "private" or user in (owner, SEGUE) or user in roles


def may(
    act: Act,
    *,
    user: str,
    owner: str,
    roles: Mapping[str, str],
    visibility: str,
    collaborative: bool,
) -> bool:
    """Whether `user` may do what an op of that kind does."""
    if user in (owner, SEGUE):
        return True
    if act == "own":
        return True
    if act in ("items", "details") and roles.get(user) == "editor":
        return True
    return act == "items" and collaborative and visibility != "private"
