// Friends: what they play now, what they sent or did, and what they may see of oneself.

import { personCard, shelf } from "./cards.js";
import { artistsOf, showCover } from "./covers.js";
import { button, el } from "./dom.js";
import { ago } from "./format.js";

const LOOK_AGAIN_MS = 15_000;
const AUDIENCES = { followers: "everyone who follows me", mutual: "those I follow back", nobody: "nobody" };

/** The view of `#/friends`: it changes as friends do. */
export function friends(page) {
  return async (_, signal) => {
    const me = await page.me();
    const [activity, feed, following] = await Promise.all([page.api.activity(), page.api.feed(), page.api.following("user")]);
    const now = new Map(activity.map((it) => [it.user.id, it]));
    const list = el("ul", { className: "activity" });
    const empty = el("p", { className: "words" }, following.length ? "None of those you follow has played anything lately." : "Follow friends and you see here what they play, as they play it. Find them by name in the box at the top.");
    const news = el("ul", { className: "news" });
    let shown = 0;
    const show = async () => {
      const turn = ++shown;
      const all = [...now.values()].sort((a, b) => Number(b.playing) - Number(a.playing) || b.at.localeCompare(a.at));
      await page.attempt(() => page.tracks.load(all.map((it) => it.track.uri)));
      if (signal.aborted || turn !== shown) return;
      list.replaceChildren(...all.map((it) => line(page, it)));
      empty.hidden = all.length > 0;
    };
    const heard = new Map();
    page.heard.addEventListener("now", ({ detail: it }) => {
      // Word of two moments may come in any order.
      if (it.track && it.at < now.get(it.user.id)?.at) return;
      heard.set(it.user.id, performance.now());
      if (it.track) now.set(it.user.id, it);
      else now.delete(it.user.id);
      show().then(() => {
        const known = it.playing && page.tracks.known(it.track?.uri);
        if (known) page.say(`${it.user.display_name} plays ${known.name}`, null, { quiet: true });
      });
    }, { signal });
    // What is said in passing may be lost, and is not told again to those whose line was down: it is asked for.
    const look = async () => {
      const at = performance.now();
      const found = await page.api.activity().catch(() => null);
      if (!found || signal.aborted) return;
      // What was heard while the answer was on its way is newer than it.
      const late = (id) => heard.get(id) > at;
      for (const id of [...now.keys()]) if (!late(id)) now.delete(id);
      for (const it of found) if (!late(it.user.id)) now.set(it.user.id, it);
      await show();
    };
    page.live.addEventListener("change", () => page.live.connected && look(), { signal });
    const again = setInterval(() => document.hidden || look(), LOOK_AGAIN_MS);
    signal.addEventListener("abort", () => clearInterval(again));
    page.heard.addEventListener("news", ({ detail: it }) => tell(page, news, [it], true), { signal });
    await show();
    await tell(page, news, feed);
    return [
      el("h2", {}, "Friends"),
      el("div", { className: "beside" },
        el("section", { "aria-label": "Playing" }, list, empty),
        privacy(page, me),
      ),
      following.length > 0 && shelf("You follow", following.map(personCard), { style: "small" }),
      el("section", { className: "shelf", "aria-label": "News" }, el("h3", {}, "News"), news, el("p", { className: "quiet none" }, "What friends send you or begin is listed here.")),
    ];
  };
}

function line(page, { user, track, at, playing }) {
  const known = page.tracks.known(track.uri);
  const cover = el("span", { className: "cover", "aria-hidden": "true" });
  showCover(cover, known ?? { name: track.id }, 64);
  return el(
    "li",
    { className: playing ? "on" : "", "data-user": user.id },
    button([cover], () => known && page.play([known], 0, { title: `${user.display_name} plays` }), {
      "aria-label": known ? `Play ${known.name}` : "A track that is not in your library",
      className: "play",
    }),
    el(
      "span",
      { className: "names" },
      el("a", { className: "title", href: `#/user/${encodeURIComponent(user.id)}` }, user.display_name),
      el("span", { className: "artist" }, known ? [el("a", { href: `#/track/${known.id}` }, known.name), ` – ${artistsOf(known)}`] : "Something that is not available to you"),
    ),
    el("span", { className: "state" + (playing ? " on" : "") }, playing ? "Now" : ago(at)),
  );
}

const THING = { track: "a track", album: "an album", artist: "an artist", playlist: "a playlist", show: "a show", episode: "an episode", user: "a profile" };

/** Put news into the list; those that came just now first. */
async function tell(page, list, items, first = false) {
  const rows = items.map((it) => el("li", {}, el("a", { href: `#/user/${encodeURIComponent(it.by.id)}` }, it.by.display_name), " ", ...deed(it), el("span", { className: "quiet" }, ` · ${ago(it.at)}`), it.message && el("q", {}, it.message)));
  if (first) list.prepend(...rows);
  else list.append(...rows);
}

/** What was done, in words. */
function deed(it) {
  const [, kind, id] = /^spotify:(\w+):(.+)$/.exec(it.uri ?? "") ?? [];
  switch (it.type) {
    case "follow":
      return ["follows you now."];
    case "share":
      return ["sent you ", el("a", { href: `#/share/${it.share_id}` }, THING[kind] ?? "something"), "."];
    case "invite":
      return ["invites you to ", el("a", { href: it.invite ? `#/together/${it.invite}` : "#/together" }, "listen together"), "."];
    case "playlist":
      return ["has a new playlist: ", el("a", { href: `#/playlist/${it.playlist_id ?? id}` }, it.name || "have a look"), "."];
  }
  return ["did something new."];
}

/** The switch of a private session, and who may see what one plays. */
function privacy(page, me) {
  const state = el("p", { className: "quiet hint", "aria-live": "polite" });
  const hide = el("input", { type: "checkbox", role: "switch", id: "private-session" });
  const who = el("select", { id: "audience" }, Object.entries(AUDIENCES).map(([value, words]) => el("option", { value }, words)));
  const show = (it) => {
    hide.checked = it.private_session;
    who.value = it.activity;
    state.textContent = it.private_session
      ? `Nobody sees what you play, until ${new Date(it.private_until).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}.`
      : "A private session hides what you play for six hours.";
  };
  const set = (changes) => page.attempt(async () => show(await page.privacy.set(changes)), () => show(page.privacy.known));
  hide.addEventListener("change", () => set({ private_session: hide.checked }));
  who.addEventListener("change", () => set({ activity: who.value }));
  // Not to be switched before it is known how it stands: the answer would switch it back.
  const ready = (is) => [hide, who].forEach((it) => (it.disabled = !is));
  ready(false);
  page.attempt(async () => {
    const known = await page.privacy.load().finally(() => ready(true));
    if (known) show(known);
  });
  return el(
    "section",
    { className: "panel", "aria-label": "What others see" },
    el("h3", {}, "What others see"),
    el("p", {}, el("a", { href: `#/user/${encodeURIComponent(me.id)}` }, "Your profile")),
    el("label", { className: "switch" }, hide, el("span", {}, "Private session")),
    state,
    el("label", { for: "audience" }, "Shown to ", who),
  );
}
