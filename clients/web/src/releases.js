// An album, an artist, a track: what the catalog knows of them.

import { albumCard, artistCard, shelf, yearOf } from "./cards.js";
import { artistsOf, showCover } from "./covers.js";
import { button, el } from "./dom.js";
import { clock } from "./format.js";
import { lyricsOf, wordsOf } from "./lyrics.js";
import { trackList } from "./rows.js";

/** The top of a page about one thing: picture, name, what it is, and what one may do with it. */
export function head(thing, { kind, line = [], actions = [], round = false }) {
  const cover = el("div", { className: round ? "cover big round" : "cover big", "aria-hidden": "true" });
  showCover(cover, thing, 300);
  return el(
    "div",
    { className: "head" },
    cover,
    el(
      "div",
      {},
      el("p", { className: "quiet kind" }, kind),
      el("h2", {}, thing.name ?? thing.display_name),
      el("p", { className: "quiet by-line" }, line),
      el("div", { className: "line" }, actions),
    ),
  );
}

/** A button that saves a thing, or follows someone, and lets go again. */
export function keeper(page, kind, thing, signal) {
  const words = kind === "artist" || kind === "user" ? ["Follow", "Following"] : ["Save", "Saved"];
  const toggle = () => page.attempt(() => page.saved.set(kind, thing, !page.saved.has(kind, thing.id)));
  const made = button("", toggle, { className: "plain" });
  const show = () => {
    const on = page.saved.has(kind, thing.id);
    made.textContent = words[on ? 1 : 0];
    made.setAttribute("aria-pressed", String(on));
  };
  page.saved.addEventListener("change", show, { signal });
  show();
  return made;
}

const play = (page, tracks, title) =>
  tracks.length > 0 && button("Play", () => page.play(tracks, 0, { title }), { className: "primary" });

const by = (thing) =>
  thing.artists.flatMap((it, at) => [at > 0 && ", ", it.id ? el("a", { href: `#/artist/${it.id}` }, it.name) : it.name]);

export function album(page) {
  return async ({ id }, signal) => {
    const [found] = await Promise.all([page.api.album(id), page.person && page.saved.learn("album", [id])]);
    // The tracks of an album do not name it.
    let at = found.tracks;
    const tracks = [];
    while (at) {
      tracks.push(...at.items.map((it) => ({ ...it, album: found })));
      at = at.next && at.items.length ? await page.api.albumTracks(id, tracks.length) : null;
      if (signal.aborted) return null;
    }
    const lasts = tracks.reduce((sum, it) => sum + it.duration_ms, 0) / 1000;
    return [
      head(found, {
        kind: { single: "Single", compilation: "Compilation", ep: "EP" }[found.album_type] ?? "Album",
        line: [by(found), ` · ${[yearOf(found), tracks.length === 1 ? "1 track" : `${tracks.length} tracks`, clock(lasts)].filter(Boolean).join(" · ")}`].flat(),
        actions: [
          play(page, tracks, found.name),
          page.person && keeper(page, "album", found, signal),
          page.person && button("Copy link", () => page.attempt(() => page.share(`spotify:album:${id}`)), { className: "plain" }),
        ],
      }),
      trackList(page, tracks, { title: found.name, numbers: true, album: false }),
      el("p", { className: "quiet small" }, (found.copyrights ?? []).map((it) => it.text).join(" · ")),
    ];
  };
}

export function artist(page) {
  return async ({ id }, signal) => {
    const [found, top, albums, related] = await Promise.all([
      page.api.artist(id),
      page.api.topTracks(id),
      page.api.artistAlbums(id),
      page.api.relatedArtists(id).catch(() => ({ artists: [] })),
      page.person && page.saved.learn("artist", [id]),
    ]);
    const groups = [["Albums", "album"], ["Singles and EPs", "single"], ["Compilations", "compilation"]];
    return [
      head(found, {
        kind: "Artist",
        round: true,
        line: (found.genres ?? []).slice(0, 4).join(", "),
        actions: [
          play(page, top.tracks, found.name),
          page.person && button("Radio", () => page.attempt(() => page.radio("artist", found)), { className: "plain" }),
          page.person && keeper(page, "artist", found, signal),
          page.person && button("Copy link", () => page.attempt(() => page.share(`spotify:artist:${id}`)), { className: "plain" }),
        ],
      }),
      top.tracks.length > 0 && el("section", { className: "shelf", "aria-label": "Popular" }, el("h3", {}, "Popular"), trackList(page, top.tracks.slice(0, 10), { title: found.name })),
      ...groups.map(([title, type]) => {
        const some = albums.items.filter((it) => (it.album_type === "ep" ? "single" : it.album_type) === type);
        return some.length > 0 && shelf(title, some.map(albumCard), { style: "wrap" });
      }),
      related.artists.length > 0 && shelf("Listeners also like", related.artists.slice(0, 12).map(artistCard)),
      !top.tracks.length && !albums.items.length && el("p", { className: "words" }, "Nothing by this artist can be played here yet."),
    ];
  };
}

export function track(page) {
  return async ({ id }, signal) => {
    const [found, words] = await Promise.all([page.api.track(id), lyricsOf(page.api, id), page.person && page.saved.learn("track", [id])]);
    return [
      head(found, {
        kind: "Track",
        line: [by(found), found.album?.id && [" · ", el("a", { href: `#/album/${found.album.id}` }, found.album.name)], ` · ${clock(found.duration_ms / 1000)}`].flat().filter(Boolean),
        actions: [
          play(page, [found], artistsOf(found)),
          page.person && button("Radio", () => page.attempt(() => page.radio("track", found)), { className: "plain" }),
          page.person && keeper(page, "track", found, signal),
          page.person && button("Copy link", () => page.attempt(() => page.share(`spotify:track:${id}`)), { className: "plain" }),
        ],
      }),
      words && el("section", { className: "shelf", "aria-label": "Lyrics" }, el("h3", {}, "Lyrics"), wordsOf(words)),
    ];
  };
}
