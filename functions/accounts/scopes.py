"""Scopes: what an application may be allowed, and how a person is told."""

USER_SCOPES = {
    "user-read-private": "See your country, your plan and your explicit-content setting",
    "user-read-email": "See your email address",
    "user-library-read": "See what you saved to your library",
    "user-library-modify": "Save and remove things in your library",
    "user-follow-read": "See whom you follow",
    "user-follow-modify": "Follow and unfollow for you",
    "playlist-read-private": "See your private playlists",
    "playlist-read-collaborative": "See playlists that you share with others",
    "playlist-modify-public": "Change your public playlists",
    "playlist-modify-private": "Change your private playlists",
    "ugc-image-upload": "Upload images for your playlists",
    "user-top-read": "See which artists and tracks you play most",
    "user-read-recently-played": "See what you played recently",
    "user-read-playback-position": "See where you stopped in podcasts",
    "user-read-playback-state": "See what you are playing, and on which device",
    "user-read-currently-playing": "See what you are playing",
    "user-modify-playback-state": "Control what plays on your devices",
    "app-remote-control": "Talk to the app on your devices",
    "streaming": "Play music as you",
    "user-account": "See and change your account: sessions, devices, password, deletion",
}
"""The Web API's nineteen and ours (`user-account`); the text stands on the consent page."""

APP_PASSWORD_SCOPES = tuple(
    sorted(USER_SCOPES.keys() - {"user-account", "app-remote-control", "ugc-image-upload"})
)
"""What an app password opens: all of a listener's life, and nothing of the account."""

OPERATOR_SCOPES = frozenset(
    {
        "accounts:write",
        "catalog:write",
        "insights:read",
        "recommendations:write",
        "rights:write",
        "royalties:read",
        "royalties:write",
        "uploads:write",
    }
)
"""For applications in their own name only; nobody is asked to consent to these."""

SCOPES = frozenset(USER_SCOPES) | OPERATOR_SCOPES
