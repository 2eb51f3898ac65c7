// Things as cards: a picture, a name, a line below.

import { artistsOf, showCover } from "./covers.js";
import { el, iconButton } from "./dom.js";

/** A card that leads to `href`. `round` for people. */
export function card(thing, { href, line = "", round = false }) {
  return el("li", { className: "card" }, el("a", { href }, picture(thing, round), names(thing.name ?? thing.display_name, line)));
}

/** A card that plays a track, with its menu. */
export function trackCard(track, { play, menu, note = "" }) {
  const row = el(
    "li",
    { className: "card", "data-id": track.id },
    el(
      "button",
      { type: "button", className: "main", "data-track": track.id, onclick: play },
      picture(track),
      names(track.name, artistsOf(track), note),
    ),
  );
  row.append(
    iconButton("more", `More for ${track.name}`, (event) => menu(event.currentTarget, track, row), { "aria-haspopup": "menu" }),
  );
  return row;
}

/** The year of a release; none where nobody knows it. */
export const yearOf = ({ release_date: date }) => (date && !date.startsWith("0000") ? date.slice(0, 4) : "");

export const albumCard = (album) =>
  card(album, { href: `#/album/${album.id}`, line: [yearOf(album), artistsOf(album)].filter(Boolean).join(" · ") });

export const artistCard = (artist) => card(artist, { href: `#/artist/${artist.id}`, line: "Artist", round: true });

export const playlistCard = (list) =>
  card(list, { href: `#/playlist/${list.id}`, line: list.description || (list.owner?.display_name ? `By ${list.owner.display_name}` : "") });

export const personCard = (user) => card(user, { href: `#/user/${encodeURIComponent(user.id)}`, line: "Listener", round: true });

/** A heading and cards below it: in one row that scrolls sideways, or in style "wrap" or "small". */
export function shelf(title, cards, { style = "", more = null } = {}) {
  return el(
    "section",
    { className: "shelf", "aria-label": title },
    el("div", { className: "line" }, el("h3", {}, title), more),
    el("ul", { className: `cards ${style}` }, cards),
  );
}

function picture(thing, round = false) {
  const frame = el("span", { className: round ? "cover round" : "cover", "aria-hidden": "true" });
  showCover(frame, thing, 300);
  return frame;
}

function names(title, line, note = "") {
  return el(
    "span",
    { className: "names" },
    el("span", { className: "title" }, title || "Without a name"),
    line && el("span", { className: "artist quiet" }, line),
    note && el("span", { className: "note quiet" }, note),
  );
}
