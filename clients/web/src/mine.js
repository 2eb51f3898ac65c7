// The library: what one has saved, whom one follows, what one heard lately.

import { albumCard, artistCard } from "./cards.js";
import { button, el } from "./dom.js";
import { trackList } from "./rows.js";

const TABS = [["", "Tracks"], ["albums", "Albums"], ["artists", "Artists"], ["recent", "Played lately"], ["all", "Everything here"]];

/** Where one is in the library; the last one shows all that there is, saved or not. */
export function tabs(on) {
  return el(
    "nav",
    { className: "tabs", "aria-label": "Library" },
    TABS.map(([id, words]) => el("a", { href: id === "all" ? "#/tracks" : id ? `#/library/${id}` : "#/library", "aria-current": id === on ? "page" : null }, words)),
  );
}

/** The view of `#/library/KIND`. */
export function mine(page) {
  const shown = { "": tracks, albums, artists, recent };
  return async ({ id }) => [el("h2", {}, "Library"), tabs(id), await (shown[id] ?? tracks)(page)];
}

const words = (text, href, link) => el("p", { className: "words" }, text, " ", el("a", { href }, link));

async function tracks(page) {
  const first = await page.api.saved("tracks", 0);
  if (!first.items.length) return words("What you save is kept here.", "#/", "Find something you like");
  return pages(page, first, (at) => page.api.saved("tracks", at), (items, more) =>
    trackList(page, items.map((it) => it.track), { title: "Your tracks", more }));
}

async function albums(page) {
  const first = await page.api.saved("albums", 0);
  if (!first.items.length) return words("Albums that you save are kept here.", "#/", "Find something you like");
  return pages(page, first, (at) => page.api.saved("albums", at), (items) =>
    el("ul", { className: "cards wrap" }, items.map((it) => albumCard(it.album))));
}

async function artists(page) {
  const found = await page.api.following("artist");
  if (!found.length) return words("Artists whom you follow are kept here, and their new releases come to your home page.", "#/", "Find some");
  return el("ul", { className: "cards wrap" }, found.map(artistCard));
}

async function recent(page) {
  const { items } = await page.api.recent();
  const heard = new Map(items.map((it) => [it.track.id, it.track]));
  if (!heard.size) return words("What you play is listed here.", "#/", "Play something");
  return trackList(page, [...heard.values()], { title: "Played lately" });
}

/** A list that grows by pages of `fetch(offset)`; a play goes on through pages not shown yet. */
function pages(page, first, fetch, draw) {
  let items = first.items;
  let next = first.next;
  const load = async () => {
    const found = await fetch(items.length);
    items = [...items, ...found.items];
    next = found.next;
    show();
    return found.items;
  };
  const box = el("div", {});
  const more = button("Show more", () => page.attempt(load), { className: "plain" });
  const show = () => {
    box.replaceChildren(draw(items, async () => (next ? (await load()).map((it) => it.track) : [])), more);
    more.hidden = !next;
  };
  show();
  return box;
}
