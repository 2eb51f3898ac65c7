"""Answers about rights as lines that a rights manager reads."""

import re
from collections.abc import Iterator
from typing import Any

_ID = re.compile(r"(?:.*[:/])?([0-9A-Za-z]{22})(?:\?.*)?")

USES = {
    "stream": "OnDemandStream",
    "radio": "NonInteractiveStream",
    "preview": "ClipPreview",
    "display": "ReleaseDisplay",
    "pre-order": "PreOrder",
    "download": "ConditionalDownload",
}
"""Short words for what is asked most."""

_REASONS = {
    "LICENSED": "covers it",
    "NO_LICENCE": "no licence covers this track at all",
    "CHANNEL": "for other services than this one",
    "TERRITORY": "does not cover this territory",
    "USE": "does not cover this use",
    "PLAN": "does not cover this plan",
    "WINDOW_NOT_OPEN": "has not begun",
    "WINDOW_CLOSED": "has ended",
    "HELD_BACK": "holds it back",
    "USAGES": "allows a limited number of plays in all, which nobody counts here",
}
_MODELS = {
    "AdvertisementSupportedModel": "free with advertisements",
    "SubscriptionModel": "subscription",
    "PayAsYouGoModel": "purchase",
}
_KINDS = {"pre_order": "pre-order", "holdback": "HOLDBACK"}


def track_id_of(text: str) -> str | None:
    """The id in a track's id, URI or address; None in other text, a title for one."""
    found = _ID.fullmatch(text.strip())
    return str(found[1]) if found else None


def explanation(told: dict[str, Any], track: dict[str, Any] | None) -> Iterator[str]:
    """What `GET /v1/rights/decisions` said, line by line."""
    decision = told["decision"]
    if track is not None:
        artists = ", ".join(it["name"] for it in track.get("artists", ()))
        isrc = track.get("external_ids", {}).get("isrc")
        yield (
            f"Track     {track['name']}"
            + (f" by {artists}" if artists else "")
            + (f"  ISRC {isrc}" if isrc else "")
        )
    yield (
        f"Asked     {told['use']} in {told['territory']} on the {told['plan']} plan,"
        f" {moment(told['at'])}"
    )
    verdict, _, why = told["message"].partition(": ")
    yield f"Answer    {verdict.upper()}: {why}"
    if decision["licence_id"]:
        yield f"Licence   {decision['licence_id']}"
    others = told.get("other_plans") or []
    if not decision["allow"] and others:
        yield f"          on the {' or '.join(others)} plan it can be now"
    yield f"Rights    version {decision['version']}" + (
        f", sure until {moment(decision['valid_until'])}" if decision["valid_until"] else ""
    )
    periods = told["periods"]
    if len(periods) > 1:
        yield "When"
        for it in periods:
            yield f"  {_span(it):52} {'yes' if it['allow'] else 'no ':3}  {_because(it)}"
    deals = told.get("deals") or []
    if deals:
        yield "Licences, the nearest to fitting first"
        for it in deals:
            yield f"  {it['licence_id']}  of {it['licensor_id']}: {_word(_REASONS, it['reason'])}"
            yield f"      {terms(it)}"


def terms(deal: dict[str, Any]) -> str:
    """A deal in one line."""
    where = ", ".join(_place(it) for it in deal["territories"])
    if deal["excluded"]:
        where += " but not " + ", ".join(_place(it) for it in deal["excluded"])
    parts = [
        "" if deal["kind"] == "grant" else _word(_KINDS, deal["kind"]),
        " or ".join(_word(_MODELS, it) for it in deal["models"]),
        ", ".join(deal["uses"]),
        where,
        f"from {moment(deal['starts'])}" if deal["starts"] else "from ever",
        f"until {moment(deal['ends'])}" if deal["ends"] else "without end",
        f"{deal['usages']} plays in all" if deal["usages"] else "",
    ]
    return "; ".join(it for it in parts if it)


def moment(text: str) -> str:
    """An instant, or a time on the listener's clock, as people write it."""
    day, _, time = text.partition("T")
    zone = " UTC" if time.endswith("Z") else " local time"
    return f"{day} {time.rstrip('Z').partition('.')[0]}{zone}"


def taken(told: dict[str, Any]) -> Iterator[str]:
    """What became of a message, line by line."""
    test = " (a test: nothing is changed)" if told["test"] else ""
    yield (
        f"{told['kind']} {told['message_id']} of {told['licensor_name']}"
        f" [{told['licensor_id']}], made {moment(told['made_at'])}{test}"
    )
    for it in told["releases"]:
        line = f"  {it['status']:10} {it['release']}: {it['deals']} deals, {it['tracks']} tracks"
        if it["waiting"]:
            some = ", ".join(it["waiting"][:5]) + (", …" if len(it["waiting"]) > 5 else "")
            line += f"; waiting for tracks with ISRC {some}"
        yield line if it["effective"] else line + "; NOT YET EFFECTIVE, send it again"
    for it in told["problems"]:
        yield f"  refused    line {it['line']}, {it['subject']}: {it['message']} [{it['reason']}]"


def _span(period: dict[str, Any]) -> str:
    start, end = period["starts_at"], period["ends_at"]
    if start is None:
        return f"until {moment(end)}" if end else "always"
    return f"{moment(start)} to {moment(end)}" if end else f"from {moment(start)}"


def _because(period: dict[str, Any]) -> str:
    if period["allow"]:
        return f"licence {period['licence_id']}"
    return _word(_REASONS, period["reason"])


def _place(code: str) -> str:
    return "everywhere" if code in ("*", "Worldwide", "2136", "2WL") else code


def _word(words: dict[str, str], of: str) -> str:
    """Our word for DDEX's or the API's, theirs where there is none."""
    return words[of] if of in words else of  # noqa: SIM401 - types
