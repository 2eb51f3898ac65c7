// The page: joins what is shown with what plays.

import { Api } from "./api.js";
import { artistsOf, coverUrl, showCover } from "./covers.js";
import { clock, decibels, speed } from "./format.js";
import { addressesOf } from "./grants.js";
import { onKeys } from "./keys.js";
import { Library } from "./library.js";
import { isSignedOut, wordsFor } from "./messages.js";
import { describeSession } from "./mediasession.js";
import { Live } from "./live.js";
import { Player } from "./player.js";
import { Playlists } from "./playlist.js";
import { Reports } from "./reports.js";
import { adoptToken, Session } from "./session.js";
import { Stream } from "./stream.js";
import { Together } from "./together.js";
import { Tracks } from "./tracks.js";
import { peaksOf, Waveform } from "./waveform.js";

const VOLUME = "segue.volume";
const TYPING_MS = 150;
const WANTED = "segue.wanted";
const VIEWS = new Set(["library", "playlists", "playlist", "together"]);
const $ = (id) => document.getElementById(id);

const session = new Session(sessionStorage, adoptToken(location, history, sessionStorage));
$("sign-in").addEventListener("click", () => {
  // Signing in leaves the page; an invitation that was opened is what one wants to come back to.
  sessionStorage.setItem(WANTED, location.hash);
  session.signIn(location);
});
$("sign-out").addEventListener("click", async () => {
  $("audio").pause();
  await session.signOut();
  location.reload();
});
open();

async function open() {
  // A sign-in that did not work out leaves who was signed in before.
  const finished = await session.finish(location, history).catch(() => false);
  if (finished) history.replaceState(null, "", location.pathname + (sessionStorage.getItem(WANTED) ?? ""));
  sessionStorage.removeItem(WANTED);
  if (!session.exists) show("signed-out");
  else if (!Stream.supported) show("unsupported");
  else await start();
}

// A new link opened in this tab only changes the fragment: begin again with it.
addEventListener("hashchange", () => location.hash.startsWith("#token=") && location.reload());

function show(name) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== name;
  for (const id of ["dock", "sign-out"]) $(id).hidden = !VIEWS.has(name);
  for (const id of ["find", "count"]) $(id).hidden = name !== "library";
  $("views").hidden = !VIEWS.has(name) || !session.isPerson;
  for (const link of $("views").children) link.toggleAttribute("aria-current", link.dataset.views.split(" ").includes(name));
}

async function start() {
  const api = new Api(session);
  const reports = new Reports(api, sessionStorage);
  const library = new Library(
    api,
    { list: $("tracks"), more: $("more"), count: $("count"), template: $("row") },
    (track) => choose(track),
  );
  const player = new Player($("audio"), api, reports, (track, by) => (together.active ? null : library.beside(track, by)));
  const live = new Live(async () => session.token ?? session.refresh());
  const tracks = new Tracks(api);
  const together = new Together(api, live, tracks, player, $("audio"), named("together"), { fail });
  const playlists = new Playlists(api, live, tracks, named("playlist"), { play: (track) => choose(track), fail });
  const waveform = new Waveform($("wave"), $("seek"), (seconds) => controls().seek(seconds));
  const media = describeSession(navigator.mediaSession, player);
  await player.open();

  const attempt = async (work) => {
    try {
      await work();
      const searched = $("search").value.trim() !== "";
      $("empty").hidden = searched || library.total > 0;
      $("nothing").hidden = !searched || library.total > 0;
      library.mark(player.track, player.playing);
      clear();
    } catch (error) {
      fail(error);
    }
  };
  const load = () => attempt(() => library.load());
  $("more").addEventListener("click", load);
  let typing;
  $("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => attempt(() => library.search($("search").value.trim())), TYPING_MS);
  });
  $("toggle").addEventListener("click", () => controls().toggle());
  $("next").addEventListener("click", () => controls().next());
  $("previous").addEventListener("click", () => controls().previous());
  $("dismiss").addEventListener("click", clear);

  const volume = $("volume");
  volume.value = localStorage.getItem(VOLUME) ?? "0.8";
  const setVolume = () => {
    player.volume = Number(volume.value);
    volume.setAttribute("aria-valuetext", `${Math.round(volume.value * 100)} percent`);
    localStorage.setItem(VOLUME, volume.value);
  };
  volume.addEventListener("input", setVolume);
  setVolume();

  onKeys(document, {
    toggle: () => controls().toggle(),
    next: () => controls().next(),
    previous: () => controls().previous(),
    seekBy: (seconds) => controls().seek(player.positionS + seconds),
    volumeBy: (step) => {
      volume.value = String(Math.max(0, Math.min(1, Number(volume.value) + step)));
      setVolume();
    },
  });

  let shown = null;
  const refresh = () => {
    if (player.track !== shown) {
      shown = player.track;
      clear();
      nowPlaying(shown);
      waveform.reset(shown.duration_ms / 1000);
      media.track(shown, artistsOf(shown), coverUrl(shown, 300));
    }
    const facts = player.facts();
    waveform.move(player.positionS, player.positionS + facts.aheadS);
    delivery(facts);
    transport();
    media.position();
    library.mark(player.track, player.playing);
  };
  player.addEventListener("change", refresh);
  // While the buffer is dry no media event tells of what arrives.
  setInterval(() => player.track && !document.hidden && refresh(), 1_000);
  player.addEventListener("loaded", () => waves(player.grant, waveform));
  player.addEventListener("failed", (event) => fail(event.detail));
  player.addEventListener("interrupted", (event) => fail(navigator.onLine ? event.detail : { reason: "OFFLINE" }));
  player.addEventListener("recovered", clear);
  addEventListener("online", () => {
    clear();
    player.resume();
  });
  addEventListener("offline", () => fail({ reason: "OFFLINE" }));
  addEventListener("pagehide", () => player.leave());

  addEventListener("hashchange", () => route());
  whoIs();
  await route();
  reports.flush();

  /** Show what the address says. */
  async function route() {
    const [, view, id] = /^#\/(\w+)(?:\/(\w+))?/.exec(location.hash) ?? [];
    if (view !== "playlist") playlists.close();
    if (!session.isPerson || !["playlists", "playlist", "together"].includes(view)) {
      show("library");
      if (!library.total) await load();
      return;
    }
    show(view === "playlist" && !id ? "playlists" : view);
    try {
      if (view === "together") await together.open(id);
      else if (view === "playlist" && id) await playlists.open(id, /[?&]invite=([^&]+)/.exec(location.hash)?.[1]);
      else await playlists.all();
      // What let one in has done its work, and is nobody else's.
      if (id && (view === "together" || location.hash.includes("?"))) {
        history.replaceState(null, "", view === "together" ? "#/together" : `#/playlist/${id}`);
      }
    } catch (error) {
      fail(error);
    }
  }

  /** What the buttons and keys work on: in a session, what everybody hears. */
  function controls() {
    return together.active ? together : player;
  }

  /** Play a track; in a session, for everybody. */
  function choose(track) {
    if (together.active) return together.add(track);
    return track === player.track ? player.toggle() : player.choose(track);
  }

  /** The elements of a view by name: `data-playlist="items"`. */
  function named(view) {
    return Object.fromEntries([...document.querySelectorAll(`[data-${view}]`)].map((it) => [it.dataset[view], it]));
  }

  async function whoIs() {
    if (!session.isPerson) return;
    try {
      $("who").textContent = (await api.me()).display_name;
    } catch {
      // The name is a courtesy: if the session is over, the list says so.
    }
  }

  function transport() {
    const playing = player.playing;
    $("toggle").classList.toggle("is-playing", playing);
    $("toggle").classList.toggle("is-busy", player.busy);
    $("toggle").setAttribute("aria-label", playing ? "Pause" : "Play");
    $("elapsed").textContent = clock(player.positionS);
    $("total").textContent = clock(player.durationS);
    document.title = player.track && playing ? `${player.track.name} – ${artistsOf(player.track)}` : "Segue";
  }

  function nowPlaying(track) {
    for (const id of ["toggle", "next", "previous"]) $(id).disabled = false;
    $("now-title").textContent = track.name;
    $("now-artist").textContent = artistsOf(track);
    showCover($("now-cover"), track, 128);
  }

  function delivery(facts) {
    const strip = $("delivery");
    strip.dataset.kbps = String(facts.kbps);
    $("rendition").textContent = facts.kbps ? `${facts.codec.toUpperCase()} ${facts.kbps} kbit/s` : "–";
    $("ahead").textContent = facts.kbps ? `${Math.round(facts.aheadS)} s` : "–";
    $("estimate").textContent = facts.kbps ? speed(facts.estimateBps) : "–";
    $("level").textContent = facts.kbps ? decibels(facts.gainDb) : "–";
    $("cache").textContent = facts.cache ? `${facts.cache} · ${facts.hits} of ${facts.requests} from cache` : "–";
  }

  async function waves(grant, target) {
    if (!grant?.waveform_url) return;
    for (const address of addressesOf(grant, grant.waveform_url) ?? []) {
      try {
        const answer = await fetch(address);
        if (answer.ok && player.grant === grant) target.peaks = peaksOf(await answer.json());
        if (answer.ok) return;
      } catch {
        // The next edge; and if none has it, the plain bar stays: it is a picture, not a need.
      }
    }
  }

  function fail(error) {
    if (isSignedOut(error)) {
      session.forget();
      $("audio").pause();
      $("signed-out-why").textContent = wordsFor(error);
      show("signed-out");
      return;
    }
    $("notice-text").textContent = wordsFor(error);
    $("notice").hidden = false;
  }

  function clear() {
    $("notice").hidden = true;
  }
}
