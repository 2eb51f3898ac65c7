"""Every method of OpenSubsonic that is answered, by name."""

from collections.abc import Mapping

from functions.subsonic import browsing, lists, media, personal, playlists, searching, system
from functions.subsonic.call import Method

METHODS: Mapping[str, Method] = {
    **system.METHODS,
    **browsing.METHODS,
    **lists.METHODS,
    **searching.METHODS,
    **playlists.METHODS,
    **media.METHODS,
    **personal.METHODS,
}
