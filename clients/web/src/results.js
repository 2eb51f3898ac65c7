// What was found, by kind; or more of one kind.

import { albumCard, artistCard, personCard, playlistCard, shelf } from "./cards.js";
import { button, el } from "./dom.js";
import { trackList } from "./rows.js";

const PAGE = 30;
const FEW = { track: 5, artist: 8, album: 8, playlist: 8, user: 8 };
const KINDS = {
  track: { title: "Tracks", plural: "tracks" },
  artist: { title: "Artists", plural: "artists", card: artistCard },
  album: { title: "Albums", plural: "albums", card: albumCard },
  playlist: { title: "Playlists", plural: "playlists", card: playlistCard },
  user: { title: "People", plural: "users", card: personCard },
};

/** The view of `#/search/TEXT`, `?type=KIND` for one kind alone. */
export function results(page) {
  return async ({ id: text, query }) => {
    const only = KINDS[query.get("type")] ? query.get("type") : null;
    page.searched(text);
    if (!text) return [el("p", { className: "words" }, "Type what you look for in the box above.")];
    const found = await page.api.find(text, only ? [only] : Object.keys(KINDS), only ? PAGE : 8);
    const pages = Object.entries(KINDS).map(([kind, it]) => [kind, found[it.plural]]).filter(([, it]) => it?.items.length);
    const better = Object.values(found).map((it) => it.did_you_mean).find(Boolean);
    const counted = pages.map(([kind, it]) => `${KINDS[kind].title}: ${it.total}`).join(", ");
    page.say(counted ? `Found: ${counted}` : "Nothing found", null, { quiet: true });
    return [
      el("h2", {}, only ? `${KINDS[only].title} for “${text}”` : `Results for “${text}”`),
      better && better !== text && el("p", {}, "Did you mean ", el("a", { href: to(better), className: "meant" }, better), "?"),
      filters(text, only),
      !pages.length && el("p", { className: "words" }, "Nothing found. Try fewer words, or another spelling."),
      ...pages.map(([kind, it]) => (only ? all(page, text, kind, it) : some(page, text, kind, it))),
    ];
  };
}

const to = (text, kind = null) => `#/search/${encodeURIComponent(text)}${kind ? `?type=${kind}` : ""}`;

function filters(text, only) {
  const link = (kind, words) => el("a", { href: to(text, kind), "aria-current": kind === only ? "page" : null }, words);
  return el(
    "nav",
    { className: "tabs", "aria-label": "Kinds" },
    link(null, "All"),
    Object.entries(KINDS).map(([kind, { title }]) => link(kind, title)),
  );
}

function some(page, text, kind, { items, total }) {
  const { title, card } = KINDS[kind];
  const shown = items.slice(0, FEW[kind]);
  const more = total > shown.length && el("a", { href: to(text, kind), className: "quiet" }, `All ${total}`);
  if (card) return shelf(title, shown.map(card), { more });
  return el(
    "section",
    { className: "shelf", "aria-label": title },
    el("div", { className: "line" }, el("h3", {}, title), more),
    trackList(page, shown, { title: `Search: ${text}` }),
  );
}

function all(page, text, kind, { items, next }) {
  const { card, plural } = KINDS[kind];
  const listed = [...items];
  const list = card ? el("ul", { className: "cards wrap" }, items.map(card)) : trackList(page, listed, { title: `Search: ${text}` });
  const more = button("Show more", () => page.attempt(load), { className: "plain" });
  const load = async () => {
    more.disabled = true;
    try {
      const found = (await page.api.find(text, [kind], PAGE, listed.length))[plural];
      listed.push(...found.items);
      list.replaceChildren(...(card ? listed.map(card) : trackList(page, listed, { title: `Search: ${text}` }).children));
      more.hidden = !found.next;
    } finally {
      more.disabled = false;
    }
  };
  more.hidden = !next;
  return el("div", {}, list, more);
}
