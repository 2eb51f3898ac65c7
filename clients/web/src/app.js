// The page: joins what is shown with what plays.

import { Api } from "./api.js";
import { Connect, deviceId, nameOf } from "./connect.js";
import { devices } from "./devices.js";
import { Dock } from "./dock.js";
import { friends } from "./friends.js";
import { History } from "./history.js";
import { home } from "./home.js";
import { onKeys } from "./keys.js";
import { Library } from "./library.js";
import { Live } from "./live.js";
import { lyrics } from "./lyrics.js";
import { Menu } from "./menu.js";
import { isSignedOut, wordsFor } from "./messages.js";
import { mine, tabs } from "./mine.js";
import { Notices } from "./notices.js";
import { person, shared } from "./person.js";
import { Player } from "./player.js";
import { Playlists } from "./playlist.js";
import { Heard, Privacy, tellNowPlaying } from "./presence.js";
import { Queue } from "./queue.js";
import { album, artist, track } from "./releases.js";
import { newId, Reports } from "./reports.js";
import { results } from "./results.js";
import { placeOf, Router } from "./router.js";
import { markCurrent } from "./rows.js";
import { Saved } from "./saved.js";
import { SearchBox } from "./searching.js";
import { adoptToken, Session } from "./session.js";
import { Stream } from "./stream.js";
import { Together } from "./together.js";
import { Tracks } from "./tracks.js";
import { upcoming } from "./upcoming.js";

const WANTED = "segue.wanted";
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
  if (!session.exists) show($("signed-out"));
  else if (!Stream.supported) show($("unsupported"));
  else await start();
}

// A new link opened in this tab only changes the fragment: begin again with it.
addEventListener("hashchange", () => location.hash.startsWith("#token=") && location.reload());

/** Bring a section of the page to the front; `name` is the view's, none when there is nobody to show one to. */
function show(section, name = null) {
  for (const it of document.querySelectorAll("main > section")) it.hidden = it !== section;
  for (const id of ["dock", "sign-out", "find"]) $(id).hidden = name === null;
  $("views").hidden = name === null || !session.isPerson;
  for (const link of document.querySelectorAll("[data-views]")) {
    const on = name !== null && link.dataset.views.split(" ").includes(name || "home");
    if (on) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  for (const link of document.querySelectorAll("[data-person]")) link.hidden = !session.isPerson;
}

/** The elements of a view by name: `data-playlist="items"`. */
function named(view) {
  return Object.fromEntries([...document.querySelectorAll(`[data-${view}]`)].map((it) => [it.dataset[view], it]));
}

async function start() {
  const api = new Api(session);
  const notices = new Notices(named("tell"));
  const reports = new Reports(api, sessionStorage);
  const history_ = new History();
  const privacy = new Privacy(api);
  const follow = async () => (session.isPerson ? (await api.nextUp(history_.told(queued.current))).tracks : []);
  const queued = new Queue(follow);
  const beside = (entry, by, how) => (together.active ? null : queued.beside(entry, by, how));
  const device = deviceId(sessionStorage, newId);
  const player = new Player($("audio"), api, reports, beside, device);
  const live = new Live(async () => session.token ?? session.refresh());
  const tracks = new Tracks(api);
  const together = new Together(api, live, tracks, player, $("audio"), named("together"), { fail });

  let me;
  const page = {
    api,
    player,
    queued,
    tracks,
    privacy,
    history: history_,
    live,
    heard: new Heard(),
    saved: new Saved(api, say),
    person: session.isPerson,
    me: () => (me ??= api.me()),
    say,
    attempt,
    fail,
    go,
    controls,
    inSession: () => together.active,
    redraw: () => router.redraw(),
    clear: () => notices.clear(),
    toggle: () => controls().toggle(),
    seek: (seconds) => controls().seek(seconds),
    searched: (text) => (search.value = text),
    play,
    jump: (entry) => (together.active ? together.add(entry) : player.choose(entry)),
    queue: (it) => (together.active ? together.add(it) : queued.current ? queued.add(it) : play([it], 0)),
    radio,
    share,
    unwanted,
    menu: (anchor, it, row) =>
      attempt(async () => {
        if (session.isPerson) await page.saved.learn("track", [it.id]).catch(() => {});
        menu.open(anchor, it, row);
      }),
  };
  page.connect = new Connect(page, device);
  const menu = new Menu($("menu"), page);
  const library = new Library(api, { list: $("tracks"), more: $("more"), count: $("count"), empty: $("empty") }, page);
  const playlists = new Playlists(api, live, tracks, named("playlist"), page);
  const search = new SearchBox($("search"), $("suggestions"), api, go);
  const dock = new Dock(page);
  await player.open();

  const all = { section: $("library"), keeps: true, draw: () => everything() };
  const views = {
    tracks: all,
    search: view("search-results", results(page)),
    album: view("album", album(page)),
    artist: view("artist", artist(page)),
    track: view("track", track(page)),
    queue: view("queue", upcoming(page)),
    lyrics: view("lyrics", lyrics(page)),
  };
  if (session.isPerson) {
    Object.assign(views, {
      "": view("home", home(page)),
      library: view("mine", mine(page)),
      devices: view("devices", devices(page)),
      friends: view("friends", friends(page)),
      user: view("user", person(page)),
      share: view("share", shared(page)),
      playlists: { section: $("playlists"), keeps: true, draw: () => playlists.all() },
      playlist: { section: $("playlist"), keeps: true, draw: (place, signal) => playlist(place, signal) },
      together: { section: $("together"), keeps: true, draw: (place) => inSession(place) },
    });
    page.me().then(
      (it) => {
        $("who").textContent = it.display_name;
        $("who").href = `#/user/${encodeURIComponent(it.id)}`;
        page.heard.follow(live, it.id);
        const touch = matchMedia("(pointer: coarse)").matches;
        // A sign-in from before there were devices may not do this; the music plays all the same.
        return page.connect.begin(live, it.id, nameOf(navigator.userAgent, touch)).catch(() => {});
      },
      () => {}, // The name is a courtesy: if the session is over, the view says so.
    );
    privacy.load().catch(() => {});
    tellNowPlaying(player, api, privacy);
  }
  const router = new Router(views, { show, fail });

  $("more").addEventListener("click", () => attempt(() => library.load()));
  onKeys(document, {
    toggle: () => controls().toggle(),
    next: () => controls().next(),
    previous: () => controls().previous(),
    seekBy: (seconds) => controls().seek(player.positionS + seconds),
    volumeBy: (step) => dock.volumeBy(step),
    search: () => $("search").focus(),
    shuffle: () => dock.shuffle(),
    repeat: () => dock.repeat(),
  });
  player.addEventListener("change", () => player.track !== queued.current && player.track && !together.active && queued.take(player.track));
  player.addEventListener("finished", ({ detail }) => history_.add(detail.track, detail.heardMs));
  player.addEventListener("failed", (event) => fail(event.detail));
  player.addEventListener("interrupted", (event) => fail(navigator.onLine ? event.detail : { reason: "OFFLINE" }));
  player.addEventListener("recovered", page.clear);
  addEventListener("online", () => {
    page.clear();
    player.resume();
    if (router.failed) router.redraw();
  });
  addEventListener("offline", () => fail({ reason: "OFFLINE" }));
  addEventListener("pagehide", () => player.leave());
  addEventListener("hashchange", () => route(true));
  await route();
  reports.flush();

  /** Show what the address says. */
  function route(moved = false) {
    const place = placeOf(location.hash);
    if (place.name !== "search") search.value = "";
    return router.go(views[place.name] ? place : { name: session.isPerson ? "" : "tracks", id: "", query: place.query }, { moved });
  }

  function view(id, draw) {
    return {
      section: $(id),
      draw: async (place, signal) => {
        const parts = await draw(place, signal);
        queueMicrotask(() => markCurrent(player.track, player.playing, $(id)));
        return parts;
      },
    };
  }

  async function everything() {
    if (session.isPerson) $("library-tabs").replaceChildren(tabs("all"));
    if (!library.total) await library.load();
    markCurrent(player.track, player.playing, $("library"));
  }

  async function playlist({ id, query }, signal) {
    signal.addEventListener("abort", () => playlists.close());
    await playlists.open(id, query.get("invite"));
    // What let one in has done its work, and is nobody else's.
    if (query.has("invite")) history.replaceState(null, "", `#/playlist/${id}`);
  }

  async function inSession({ id }) {
    await together.open(id);
    if (id) history.replaceState(null, "", "#/together");
  }

  /** What the buttons and keys work on: in a session, what everybody hears. */
  function controls() {
    return together.active ? together : player;
  }

  /** Play `list` from number `at`; in a session, that track for everybody. What is on is paused, or goes on. */
  function play(list, at, more = {}) {
    const chosen = list[at];
    if (together.active) return together.add(chosen);
    if (chosen.id === player.track?.id) return player.toggle();
    return player.choose(queued.start(list, at, more));
  }

  /** A station that begins with a track or an artist, and goes on as long as one listens. */
  async function radio(kind, thing) {
    let station = await api.radio(kind, thing.id);
    const more = async () => (station = await api.radio(kind, thing.id, station.cursor)).tracks;
    if (!station.tracks.length) return say("There is nothing to play here yet.");
    say(`Radio: ${thing.name}. It goes on as long as you listen.`);
    const context = { title: `radio: ${thing.name}`, more };
    // What is on goes on playing when the station begins with it.
    if (station.tracks[0].id === queued.current?.id && player.playing) return queued.after(station.tracks.slice(1), context);
    return player.choose(queued.start(station.tracks, 0, context));
  }

  async function share(uri) {
    const { url } = await api.share(uri);
    try {
      await navigator.clipboard.writeText(url);
      say("The link is copied.");
    } catch {
      say(url); // no clipboard without HTTPS, or not allowed
    }
  }

  /** Take it from view at once; whoever slipped takes it back. */
  async function unwanted(it, row) {
    const uri = `spotify:track:${it.id}`;
    row.hidden = true;
    try {
      await api.unwanted(uri);
    } catch (error) {
      row.hidden = false;
      throw error;
    }
    say(`${it.name} is not offered to you again.`, [
      "Undo",
      async () => {
        await api.unwanted(uri, false);
        row.hidden = false;
      },
    ]);
  }

  function go(hash, { instead = false } = {}) {
    if (instead) {
      history.replaceState(null, "", hash);
      route(true);
    } else if (location.hash === hash) router.redraw();
    else location.hash = hash;
  }

  async function attempt(work, after = null) {
    try {
      await work();
    } catch (error) {
      after?.();
      fail(error);
    }
  }

  function say(...words) {
    return notices.say(...words);
  }

  function fail(error) {
    if (isSignedOut(error)) {
      session.forget();
      $("audio").pause();
      $("signed-out-why").textContent = wordsFor(error);
      show($("signed-out"));
      return;
    }
    notices.fail(error);
  }
}
