"""A person opens the link and listens; the line gets worse, the music goes on."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from tests.clients.browser import MODULES, SCREENSHOTS, Watched, chromium, need_page, watched
from tests.journeys.cloud import Cloud

PLAY_HLS = """
async ({ signature, url, way }) => {
  const audio = document.querySelector("audio");
  const seen = { levels: 0, fragments: 0, error: null };
  const hls = new Hls({
    xhrSetup(xhr, address) {
      if (way === "query") xhr.open("GET", address.split("?")[0] + "?" + signature, true);
    },
    enableWorker: false,
  });
  hls.on(Hls.Events.MANIFEST_PARSED, (_, data) => (seen.levels = data.levels.length));
  hls.on(Hls.Events.FRAG_BUFFERED, () => (seen.fragments += 1));
  hls.on(Hls.Events.ERROR, (_, { details, fatal, reason }) => {
    // A busy machine is late now and then, and a forced switch gives up what was being fetched for
    // the level before ("aborted"); only these are forgiven.
    const harmless = ["bufferStalledError", "bufferNudgeOnStall", "aborted"];
    if (fatal || !harmless.includes(details)) seen.error ??= `${details} ${reason ?? ""}`;
  });
  // The cookie is the front door's: it is the host that the page itself is from.
  hls.loadSource(way === "cookie" ? new URL(url).pathname : url);
  hls.attachMedia(audio);
  const until = Date.now() + 40000;
  const hold = async (ready) => {
    while (!ready() && !seen.error && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await hold(() => seen.levels);
  await audio.play();
  await hold(() => audio.currentTime > 1);
  // Through every rendition by force, while playing.
  for (let level = 0; level < seen.levels; level += 1) {
    hls.nextLevel = level;
    const at = audio.currentTime;
    await hold(() => audio.currentTime > at + 1);
  }
  return { ...seen, seconds: audio.currentTime, duration: audio.duration };
}
"""


ARTIST = "Ada Voss"
"""Who plays the demo library."""


@pytest.fixture(scope="module")
def library(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Two pieces of the demo library, playable."""
    need_page()
    folder = tmp_path_factory.mktemp("demo")
    for arguments in (("demo", str(folder), "--count", "2"), ("ingest", str(folder))):
        done = cloud.segue(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    # Other journeys may have left tracks of their own, not all of them licensed.
    listed = call(cloud, "/v1/tracks?limit=50")["items"]
    tracks = [it for it in listed if it["artists"] and it["artists"][0]["name"] == ARTIST]
    wait_playable(cloud, [track["id"] for track in tracks])
    return tracks


def call(cloud: Cloud, path: str, body: Any = None) -> Any:
    token = cloud.segue("token").stdout.strip()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(
        urllib.request.Request(cloud.host + path, data, headers), timeout=30
    ) as answer:
        return json.load(answer)


def wait_playable(cloud: Cloud, ids: list[str], patience_s: float = 30) -> None:
    """A licence reaches playback by an event: within moments, not at once."""
    deadline = time.monotonic() + patience_s
    for track_id in ids:
        while True:
            try:
                call(cloud, "/v1/plays", {"track_id": track_id})
                break
            except urllib.error.HTTPError as error:
                if time.monotonic() > deadline:
                    pytest.fail(f"{track_id} is not playable: {error.read()!r}")
                time.sleep(0.3)


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, cloud: Cloud, library: list[Any]) -> Iterator[Watched]:
    """The player, signed in by the link that `segue link` prints."""
    with watched(browser) as opened:
        opened.page.goto(cloud.segue("link").stdout.strip())
        opened.page.wait_for_selector("#tracks li")
        yield opened


def shoot(page: Watched, name: str) -> Path:
    path = SCREENSHOTS / f"{name}.png"
    page.page.screenshot(path=path)
    return path


def play_first(page: Watched, library: list[dict[str, Any]]) -> None:
    page.page.click(f"#tracks li:has-text('{library[0]['name']}') button")


def test_track_is_heard_and_counted(
    page: Watched, cloud: Cloud, library: list[dict[str, Any]]
) -> None:
    assert "#" not in page.page.url  # the token is gone from the address
    play_first(page, library)
    page.wait_seconds(1.0)
    before = page.seconds()
    page.wait_seconds(before + 2.0)
    text = page.page.inner_text("#delivery")
    assert re.search(r"AAC (24|96|160|320) kbit/s", text)
    assert re.search(r"(hit|miss) · \d+ of \d+ from cache", text)
    assert page.page.inner_text("#now-title") == library[0]["name"]
    assert page.page.evaluate("document.querySelector('#now-cover img')?.naturalWidth > 0")
    assert shoot(page, "player").stat().st_size > 10_000
    page.page.emulate_media(color_scheme="dark")
    page.page.set_viewport_size({"width": 390, "height": 780})
    shoot(page, "player-narrow-dark")

    page.page.click("#next")
    page.page.wait_for_function(
        "name => document.getElementById('now-title').textContent === name",
        arg=library[1]["name"],
        timeout=90_000,
    )
    page.wait_seconds(0.5)
    assert page.complaints == []
    wait_counted(cloud, library[0]["id"])


def wait_counted(cloud: Cloud, track_id: str, patience_s: float = 20) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        items = call(cloud, "/v1/me/player/recently-played")["items"]
        if track_id in {item["track"]["id"] for item in items}:
            return
        assert time.monotonic() < deadline, "the play was not counted"
        time.sleep(0.3)


def test_worse_line_switches_to_a_lower_rendition(
    page: Watched, library: list[dict[str, Any]]
) -> None:
    page.throttle(450)
    play_first(page, library)
    page.wait_seconds(1.0)
    first = page.kbps()
    page.throttle(60)
    page.page.wait_for_function(
        "kbps => Number(document.getElementById('delivery').dataset.kbps) < kbps",
        arg=first,
        timeout=45_000,
    )
    assert 0 < page.kbps() < first
    before = page.seconds()
    page.wait_seconds(before + 2.0)
    shoot(page, "player-slow-line")
    assert page.complaints == []


@pytest.mark.parametrize(
    ("codec", "way"),
    [("aac", "query"), ("mp3", "query"), ("aac", "cookie"), ("mp3", "cookie"), ("aac", "absolute")],
)
def test_unmodified_hls_js_plays_every_rendition(
    browser: Browser, cloud: Cloud, library: list[dict[str, Any]], codec: str, way: str
) -> None:
    script = MODULES / "hls.js" / "dist" / "hls.min.js"
    if not script.is_file():
        pytest.skip("needs hls.js: cd clients/web && npm ci")

    def serve(route: Route) -> None:
        if route.request.url.endswith("/hls-test/"):
            route.fulfill(
                content_type="text/html",
                body="<!doctype html><link rel=icon href='data:,'><audio></audio>"
                "<script src='hls.js'></script>",
            )
        else:
            route.fulfill(path=script, content_type="text/javascript")

    token = cloud.segue("token").stdout.strip()
    with watched(browser) as opened:
        opened.page.route("**/hls-test/**", serve)
        opened.page.goto(f"{cloud.host}/hls-test/")
        # Asked for by the page itself, so that the browser keeps the grant's cookie.
        grant = opened.page.evaluate(
            """async ({ token, id }) => (await fetch("/v1/plays", {
              method: "POST",
              headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
              body: JSON.stringify({ track_id: id }),
            })).json()""",
            {"token": token, "id": library[0]["id"]},
        )
        manifest = next(
            m for m in grant["manifests"] if (m["codec"], m["protocol"]) == (codec, "hls")
        )
        seen = opened.page.evaluate(
            PLAY_HLS,
            {
                "signature": grant["signature"],
                "url": manifest["absolute_url" if way == "absolute" else "url"],
                "way": way,
            },
        )
    assert seen["error"] is None
    assert seen["levels"] == (4 if codec == "aac" else 3)
    assert seen["fragments"] >= 2
    assert seen["seconds"] > 2.5
    assert seen["duration"] == pytest.approx(library[0]["duration_ms"] / 1000, abs=0.1)
    assert opened.complaints == []
