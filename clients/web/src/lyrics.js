// Words to the music: they follow the play where their times are known.

import { el } from "./dom.js";

const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const HANDS_OFF_MS = 4_000;

/** The words of a track; null when there are none. */
export async function lyricsOf(api, id) {
  try {
    return await api.lyrics(id);
  } catch (error) {
    if (error.reason === "LYRICS_NOT_FOUND" || error.status === 404) return null;
    throw error;
  }
}

/** The number of the line that is sung at `ms`; -1 before the first, and where no times are known. */
export function lineAt(lines, ms) {
  let at = -1;
  for (let n = 0; n < lines.length && lines[n].start_ms !== null && lines[n].start_ms <= ms; n += 1) at = n;
  return at;
}

/** Lines to read. */
export function wordsOf({ lines, language, provider }) {
  return el(
    "div",
    { className: "lyrics", lang: language || null, dir: "auto" },
    lines.map((it) => el("p", {}, it.text || " ")),
    provider && el("p", { className: "quiet small" }, `Words from ${provider}`),
  );
}

/** The view of `#/lyrics`: the words of what plays, and where in them the play is. */
export function lyrics(page) {
  return async (_, signal) => {
    const box = el("div", {});
    let shown; // what stands there, at first nothing at all
    const show = async () => {
      const entry = page.player.track;
      if (entry === shown) return;
      shown = entry;
      if (!entry) return void box.replaceChildren(el("h2", {}, "Lyrics"), el("p", { className: "words" }, "Choose a track, and its words are here."));
      const title = el("h2", {}, entry.name);
      const words = await lyricsOf(page.api, entry.id).catch(() => undefined);
      if (shown !== entry || signal.aborted) return undefined;
      const none = words === null ? "Nobody has written down the words of this track yet." : "The words could not be fetched. They are tried again with the next track.";
      box.replaceChildren(title, words ? followed(page, words, signal) : el("p", { className: "words" }, none));
      return undefined;
    };
    page.player.addEventListener("change", show, { signal });
    await show();
    return [box];
  };
}

function followed(page, words, signal) {
  if (words.sync === "none" || words.lines.every((it) => it.start_ms === null)) return wordsOf(words);
  const { player } = page;
  const rows = words.lines.map((it) =>
    el("p", {}, el("button", { type: "button", onclick: () => page.seek(it.start_ms / 1000) }, it.text || "♪")),
  );
  const list = el("div", { className: "lyrics timed", lang: words.language || null }, rows, words.provider && el("p", { className: "quiet small" }, `Words from ${words.provider}`));
  let at = -2;
  let touched = -Infinity;
  const entry = player.track;
  const follow = () => {
    if (player.track !== entry || !list.isConnected) return;
    const now = lineAt(words.lines, player.positionS * 1000);
    if (now === at) return;
    rows[at]?.removeAttribute("aria-current");
    at = now;
    rows[at]?.setAttribute("aria-current", "true");
    rows.forEach((it, n) => it.classList.toggle("sung", n < at));
    // Who scrolls by hand wants to read elsewhere for a while.
    if (performance.now() - touched < HANDS_OFF_MS) return;
    rows[Math.max(0, at)]?.scrollIntoView({ block: "center", behavior: CALM.matches ? "auto" : "smooth" });
  };
  for (const name of ["wheel", "touchmove", "keydown"]) {
    addEventListener(name, () => (touched = performance.now()), { signal, passive: true });
  }
  player.addEventListener("change", follow, { signal });
  requestAnimationFrame(follow);
  return list;
}
