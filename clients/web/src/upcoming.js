// The queue: what plays, what comes next, what would go with it.

import { artistsOf } from "./covers.js";
import { el, iconButton } from "./dom.js";
import { trackList, trackRow } from "./rows.js";

const MOST_SHOWN = 100;

/** The view of `#/queue`. */
export function upcoming(page) {
  return async (_, signal) => {
    const box = el("div", {});
    const suggested = el("div", { "data-offered": true });
    let shown;
    const show = () => {
      const held = document.activeElement?.closest?.("[data-place]")?.dataset.place;
      box.replaceChildren(...listed(page));
      // A row that moved takes the focus along.
      if (held !== undefined) box.querySelectorAll(`[data-place="${held}"] button`)[1]?.focus();
      const entry = page.queued.current;
      if (entry !== shown && page.person) {
        shown = entry;
        suggest(page, suggested, signal);
      }
    };
    page.queued.addEventListener("change", show, { signal });
    show();
    return [box, suggested];
  };
}

function listed(page) {
  const { queued } = page;
  const { current, upcoming: next } = queued;
  if (!current) return [el("h2", {}, "Queue"), el("p", { className: "words" }, "Nothing plays yet. Choose a track, and what follows it is listed here.")];
  const rows = next.slice(0, MOST_SHOWN).map((entry, at) => row(page, entry, at));
  return [
    el("h2", {}, "Queue"),
    queued.title && el("p", { className: "quiet" }, `From ${queued.title}`),
    el("h3", {}, "Now"),
    el("ol", { className: "tracks" }, trackRow(current, { play: () => page.toggle(), menu: page.menu })),
    el("h3", {}, "Next"),
    rows.length ? el("ol", { className: "tracks" }, rows) : el("p", { className: "quiet" }, page.person ? "This is the last one. After it, what goes with it plays on." : "This is the last one."),
    next.length > MOST_SHOWN && el("p", { className: "quiet" }, `and ${next.length - MOST_SHOWN} more`),
    rows.length > 0 && queued.endless && el("p", { className: "quiet" }, "It goes on by itself."),
  ].filter(Boolean);
}

function row(page, entry, at) {
  const { queued } = page;
  const made = trackRow(entry, { play: () => page.jump(entry), note: entry.added ? "Added by you" : "" });
  made.dataset.place = String(at);
  made.append(
    el(
      "span",
      { className: "edit" },
      iconButton("up", `Move ${entry.name} up`, () => queued.move(entry, -1)),
      iconButton("down", `Move ${entry.name} down`, () => queued.move(entry, 1)),
      iconButton("close", `Remove ${entry.name} from the queue`, () => {
        queued.remove(entry);
        page.say(`${entry.name} by ${artistsOf(entry)} is no longer in the queue.`);
      }),
    ),
  );
  return made;
}

/** What would fit after what was just played: it changes with every play. */
async function suggest(page, box, signal) {
  const found = await page.api.nextUp(page.history.told()).catch(() => null);
  if (!found?.tracks.length || signal.aborted) return;
  const there = new Set([page.queued.current, ...page.queued.upcoming].map((it) => it?.id));
  const tracks = found.tracks.filter((it) => !there.has(it.id));
  const notes = Object.fromEntries(found.explanations.map((it) => [it.track_id, it.reason]));
  box.replaceChildren();
  if (tracks.length) box.append(el("h3", {}, "Goes with what you play"), trackList(page, tracks, { title: "What goes with what you play", notes }));
}
