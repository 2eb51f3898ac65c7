// Home: shelves of what fits the moment, each thing with the reason why it is there.

import { artistCard, playlistCard, shelf, trackCard } from "./cards.js";
import { button, el } from "./dom.js";

const WIDE = matchMedia("(min-width: 44rem)");
const MOST_OFFERED = 18;
const PLACES = new Intl.DisplayNames(["en"], { type: "region" });

/** The view of the page's home. */
export function home(page) {
  return async () => {
    const [{ shelves }, taste] = await Promise.all([page.api.home(WIDE.matches ? "desktop" : "mobile"), page.api.taste()]);
    const shown = shelves.map((it) => (it.kind === "playlists" ? mixes(it) : tracks(page, it)));
    const known = taste.artists.length > 0 || shelves.some((it) => it.id === "recent");
    return [
      el("h2", {}, greeting(new Date().getHours())),
      !known && chooser(page, artistsIn(shelves)),
      shelves.length ? shown : el("p", { className: "words" }, "There is no music here yet. Once there is, this page fills by itself."),
    ];
  };
}

function greeting(hour) {
  if (hour < 5) return "Still up";
  if (hour < 12) return "Good morning";
  return hour < 18 ? "Good afternoon" : "Good evening";
}

function mixes(it) {
  return shelf(it.title, it.playlists.map(playlistCard));
}

function tracks(page, it) {
  const reasons = Object.fromEntries(it.explanations.map((one) => [one.track_id, one.reason]));
  const made = shelf(
    it.title.replace(/^(Popular in )([A-Z]{2})$/, (_, words, place) => words + PLACES.of(place)),
    it.tracks.map((track, at) =>
      trackCard(track, {
        play: () => page.play(it.tracks, at, { title: it.title }),
        menu: page.menu,
        // What the heading says already need not be said of each.
        note: it.id === "recent" || it.id === "charts" ? "" : reasons[track.id],
      }),
    ),
  );
  if (it.id !== "recent") made.dataset.offered = "";
  return made;
}

function artistsIn(shelves) {
  const found = new Map();
  for (const { tracks = [] } of shelves) {
    for (const { artists } of tracks) for (const it of artists) if (it.id && !found.has(it.id)) found.set(it.id, it);
  }
  return [...found.values()].slice(0, MOST_OFFERED);
}

/** For those of whom nothing is known: choose artists, and the shelves follow. */
function chooser(page, artists) {
  if (!artists.length) return null;
  const chosen = new Set();
  const done = button("Show me music", () => page.attempt(choose), { className: "primary" });
  done.disabled = true;
  const choose = async () => {
    await page.api.chooseArtists([...chosen]);
    page.say("Your home page follows what you chose.");
    await page.redraw();
  };
  const toggle = (artist) => (event) => {
    event.preventDefault();
    const uri = `spotify:artist:${artist.id}`;
    if (!chosen.delete(uri)) chosen.add(uri);
    event.currentTarget.setAttribute("aria-pressed", String(chosen.has(uri)));
    done.disabled = chosen.size === 0;
    done.textContent = chosen.size > 1 ? `Show me music like these ${chosen.size}` : "Show me music";
  };
  return el(
    "section",
    { className: "chooser", "aria-label": "Choose artists" },
    el("h3", {}, "Whom do you like to hear?"),
    el("p", { className: "quiet" }, "Choose a few artists and this page is about you. What you play teaches it the rest."),
    el(
      "ul",
      { className: "cards wrap" },
      artists.map((artist) => {
        const made = artistCard(artist);
        const link = made.querySelector("a");
        const choice = el("button", { type: "button", "aria-pressed": "false", onclick: toggle(artist) }, ...link.childNodes);
        choice.querySelector(".artist")?.remove();
        link.replaceWith(choice);
        return made;
      }),
    ),
    el("p", { className: "line" }, done),
  );
}
