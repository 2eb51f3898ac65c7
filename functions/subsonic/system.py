"""What a client asks before anything else: whether we are there, who it is, what we can."""

from functions.subsonic.call import Answer, Call, Method

EXTENSIONS = ("apiKeyAuthentication", "formPost", "songLyrics")


async def ping(call: Call) -> Answer:
    return None


async def get_license(call: Call) -> Answer:
    return {"license": {"valid": True}}


def extensions() -> Answer:
    """What we can beyond Subsonic 1.16.1; told to everybody, before they sign in."""
    return {"openSubsonicExtensions": [{"name": it, "versions": [1]} for it in EXTENSIONS]}


async def token_info(call: Call) -> Answer:
    return {"tokenInfo": {"username": call.listener.username}}


async def get_user(call: Call) -> Answer:
    """The listener, whoever is asked for: others' settings are not to be seen."""
    return {
        "user": {
            "username": call.listener.username,
            "scrobblingEnabled": True,
            "maxBitRate": 0,
            "adminRole": False,
            "settingsRole": False,
            "downloadRole": True,
            "uploadRole": False,
            "playlistRole": True,
            "coverArtRole": False,
            "commentRole": False,
            "podcastRole": False,
            "streamRole": True,
            "jukeboxRole": False,
            "shareRole": False,
            "videoConversionRole": False,
            "folder": [1],
        }
    }


async def get_scan_status(call: Call) -> Answer:
    found = await call.web.get("/v1/tracks", limit=1)
    return {"scanStatus": {"scanning": False, "count": found["total"]}}


async def get_podcasts(call: Call) -> Answer:
    return {"podcasts": {"channel": []}}


async def get_newest_podcasts(call: Call) -> Answer:
    return {"newestPodcasts": {"episode": []}}


async def get_internet_radio_stations(call: Call) -> Answer:
    return {"internetRadioStations": {"internetRadioStation": []}}


METHODS = {
    "ping": Method(ping),
    "getLicense": Method(get_license),
    "tokenInfo": Method(token_info),
    "getUser": Method(get_user, takes=("username",)),
    "getScanStatus": Method(get_scan_status),
    "getPodcasts": Method(get_podcasts, takes=("id", "includeEpisodes")),
    "getNewestPodcasts": Method(get_newest_podcasts, takes=("count",)),
    "getInternetRadioStations": Method(get_internet_radio_stations),
}
