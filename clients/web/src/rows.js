// Tracks as rows: the whole row plays, what else one may do is in the menu beside it.

import { artistsOf, showCover } from "./covers.js";
import { el, iconButton } from "./dom.js";
import { clock } from "./format.js";

/** The row of `track`; `note` is a third line, e.g. why it is there. */
export function trackRow(track, { play, menu, note = "", number = null, album = true }) {
  const cover = el("span", { className: "cover", "aria-hidden": "true" });
  showCover(cover, track, 64);
  const main = el(
    "button",
    { type: "button", className: "main", "data-track": track.id, onclick: play },
    number !== null && el("span", { className: "number", "aria-hidden": "true" }, String(number)),
    cover,
    el(
      "span",
      { className: "names" },
      el("span", { className: "title" }, track.name, track.explicit && el("span", { className: "badge", title: "Explicit" }, "E")),
      el("span", { className: "artist quiet" }, artistsOf(track)),
      note && el("span", { className: "note quiet" }, note),
    ),
    album && el("span", { className: "album quiet" }, track.album?.name ?? ""),
    el("span", { className: "length" }, clock(track.duration_ms / 1000)),
  );
  const row = el("li", { "data-id": track.id }, main);
  if (menu) {
    row.append(
      iconButton("more", `More for ${track.name}`, (event) => menu(event.currentTarget, track, row), {
        "aria-haspopup": "menu",
      }),
    );
  }
  if (track.is_playable === false) row.classList.add("unplayable");
  return row;
}

/** Tracks one below the other; a click plays the list from there. `notes` are by track id. */
export function trackList(page, tracks, { title, more = null, notes = {}, numbers = false, album = true } = {}) {
  return el(
    "ol",
    { className: "tracks" + (numbers ? " numbered" : "") },
    tracks.map((track, at) =>
      trackRow(track, {
        play: () => page.play(tracks, at, { title, more }),
        menu: page.menu,
        note: notes[track.id],
        number: numbers ? track.track_number : null,
        album,
      }),
    ),
  );
}

/** Mark, wherever it is shown, the track that is on. */
export function markCurrent(track, playing, root = document) {
  for (const main of root.querySelectorAll("[data-track]")) {
    const on = main.dataset.track === track?.id;
    main.toggleAttribute("aria-current", on);
    if (on) main.setAttribute("aria-current", "true");
    main.parentElement.classList.toggle("playing", on && playing);
  }
}
