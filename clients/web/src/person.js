// A listener's profile, and the link that somebody shared.

import { playlistCard, shelf } from "./cards.js";
import { artistsOf } from "./covers.js";
import { button, el } from "./dom.js";
import { ago } from "./format.js";
import { head, keeper } from "./releases.js";

/** The view of `#/user/ID`. */
export function person(page) {
  return async ({ id }, signal) => {
    const me = await page.me();
    const own = id === me.id;
    const [found, lists] = await Promise.all([page.api.profile(id), page.api.playlistsOf(id).catch(() => []), !own && page.saved.learn("user", [id])]);
    const { activity } = found;
    if (activity) await page.tracks.load([activity.track.uri]);
    const known = activity && page.tracks.known(activity.track.uri);
    const counts = [`${found.followers} ${found.followers === 1 ? "follower" : "followers"}`, `follows ${found.following}`, found.follows_you && "follows you"];
    return [
      head(found, {
        kind: own ? "You" : "Listener",
        round: true,
        line: counts.filter(Boolean).join(" · "),
        actions: [
          !own && keeper(page, "user", found, signal),
          button("Copy link", () => page.attempt(() => page.share(`spotify:user:${id}`)), { className: "plain" }),
          !own && button("Block", () => page.attempt(() => block(page, found)), { className: "plain" }),
        ],
      }),
      known &&
        el("p", { className: "activity-line" }, activity.playing ? "Plays " : `Played ${ago(activity.at)}: `, el("a", { href: `#/track/${known.id}` }, known.name), ` – ${artistsOf(known)}`),
      lists.length > 0 ? shelf("Playlists", lists.map(playlistCard), { style: "wrap" }) : el("p", { className: "words" }, own ? "Playlists that you make public are shown here." : "No public playlists."),
    ];
  };
}

async function block(page, user) {
  await page.api.block(user.id, true);
  page.say(`${user.display_name} sees nothing of you any more, nor you of them.`, ["Undo", () => page.api.block(user.id, false)]);
  page.go("#/friends");
}

/** The view of `#/share/ID`: who sent it, what they wrote, and the way to the thing. */
export function shared(page) {
  return async ({ id }) => {
    const found = await page.api.shared(id);
    const [, kind, thing] = /^spotify:(\w+):(.+)$/.exec(found.uri) ?? [];
    const to = `#/${kind}/${encodeURIComponent(thing)}`;
    // Without a word from the sender there is nothing to stop for.
    if (!found.message) return page.go(to, { instead: true });
    return [
      el("h2", {}, `${found.by.display_name} sent you something`),
      el("blockquote", {}, found.message),
      el("p", { className: "line" }, el("a", { className: "primary", href: to }, "Have a look")),
    ];
  };
}
