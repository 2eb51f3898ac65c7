"""`segue play`: a headless adaptive player that tells what it fetched and from where."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.live import Live
from rich.text import Text

from segue.client import Client
from segue.commands.context import client_for, err, out, profile_of
from segue.delivery import Delivery
from segue.errors import ConfigError, NotFound
from segue.playback import Moment, Player, Report


def play(
    ctx: typer.Context,
    track: Annotated[
        str | None, typer.Argument(help="Track id, URI, or (part of) its title.")
    ] = None,
    first: Annotated[bool, typer.Option("--first", help="The newest track.")] = False,
    limit_kbps: Annotated[float | None, typer.Option(min=1, help="Slow the line down.")] = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Write the audio here instead of discarding it.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Play only this much.")] = None,
    codec: Annotated[Literal["aac", "mp3", "vorbis"], typer.Option(help="Which sound.")] = "aac",
    protocol: Annotated[Literal["hls", "dash"], typer.Option(help="Which manifest.")] = "hls",
    fast: Annotated[bool, typer.Option(help="Do not wait for the playhead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object as the result.")] = False,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Write that object to this file.")
    ] = None,
) -> None:
    """Play a track without a sound card: adaptive, through the CDN, and counted as a play."""
    screen = err()
    with client_for(profile_of(ctx)) as client, Live(console=screen, transient=True) as live:

        def progress(moment: Moment) -> None:
            live.update(Text(_line(moment)))

        limit_bps = limit_kbps * 1000 if limit_kbps else None
        player = Player(
            client,
            Delivery(client.http, limit_bps=limit_bps),
            realtime=not fast,
            progress=progress,
        )
        chosen = newest(client) if first else resolve(client, track or "")
        track_id = chosen["id"]
        if out_file is None:
            report = player.play(track_id, codec=codec, protocol=protocol, seconds=seconds)
        else:
            with out_file.open("wb") as file:
                report = player.play(
                    track_id, codec=codec, protocol=protocol, seconds=seconds, out=file
                )
    report.title = chosen["name"]
    if report_file is not None:
        report_file.write_text(json.dumps(report.summary()))
    if as_json:
        out().say(json.dumps(report.summary()))
    else:
        for line in lines(report):
            out().say(line)


def newest(client: Client) -> dict[str, Any]:
    """The track that the library lists first.

    Raises:
        NotFound: the library is empty (LIBRARY_EMPTY).
    """
    items = client.get("/v1/tracks", limit=1, offset=0)["items"]
    if not items:
        raise NotFound("the library is empty", status=404, code="LIBRARY_EMPTY")
    return items[0]


def resolve(client: Client, text: str) -> dict[str, Any]:
    """The track that `text` names: an id, `spotify:track:ID`, or part of one title.

    Raises:
        ConfigError: `text` is empty (NO_TRACK).
        NotFound: no title has `text`, or several do (AMBIGUOUS_TITLE).
    """
    if not text:
        raise ConfigError("which track? give an id, a title, or --first", code="NO_TRACK")
    text = text.removeprefix("spotify:track:")
    if len(text) == 22 and text.isalnum() and text.isascii():
        return client.get(f"/v1/tracks/{text}")
    wanted = text.casefold()
    found = [t for t in client.pages("/v1/tracks") if wanted in t["name"].casefold()]
    exact = [t for t in found if t["name"].casefold() == wanted]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if not found:
        raise NotFound(f"no track is called {text!r}", status=404, code="TRACK_NOT_FOUND")
    names = ", ".join(f"{t['name']} ({t['id']})" for t in found[:5])
    raise NotFound(f"several tracks match: {names}", status=404, code="AMBIGUOUS_TITLE")


def _line(moment: Moment) -> str:
    return (
        f"{_clock(moment.heard_s)} / {_clock(moment.total_s)}   {moment.rendition}"
        f"   {moment.ahead_s:4.1f} s ahead   {moment.estimate_bps / 1000:,.0f} kbit/s"
    )


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def lines(report: Report) -> list[str]:
    """The report for a person."""
    tally = report.tally
    fetched = ", ".join(
        f"{name} {size:,} B" for name, size in sorted(tally.bytes_by_rendition.items())
    )
    cache = ", ".join(f"{count} {status}" for status, count in sorted(tally.cache.items()))
    shown = [
        f"title      {report.title}",
        f"played     {_clock(report.ms_played / 1000)} of {_clock(report.duration_ms / 1000)}"
        f" ({report.end_reason}), first sound after {report.startup_ms} ms,"
        f" {report.rebuffers} stalls",
        f"fetched    {fetched}",
        f"cache      {cache}; every byte range came from the CDN",
        f"signed     {report.signed_prefix}",
        f"line       {report.estimate_bps / 1000:,.0f} kbit/s estimated",
    ]
    shown += [f"switched   {_clock(at)} {old} → {new}" for at, old, new in report.switches]
    shown.append(
        f"reported   play {report.play_id}" if report.reported else "reported   no: not counted"
    )
    return shown
