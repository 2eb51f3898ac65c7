// What one may do with a track, in a small menu beside it.

import { el } from "./dom.js";
import { newId } from "./reports.js";

export class Menu {
  #box;
  #page;

  /** `box` is a popover; `page` says what is possible: see `#actions`. */
  constructor(box, page) {
    this.#box = box;
    this.#page = page;
    box.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Open it beside `anchor`, for a track that `row` shows. */
  open(anchor, track, row) {
    this.#show(anchor, `More for ${track.name}`, this.#actions(anchor, track, row));
  }

  #show(anchor, label, actions) {
    const box = this.#box;
    box.setAttribute("aria-label", label);
    box.replaceChildren(
      ...actions.map(([words, work]) =>
        el(
          "button",
          {
            type: "button",
            role: "menuitem",
            tabindex: "-1",
            onclick: () => {
              box.hidePopover();
              this.#page.attempt(work);
            },
          },
          words,
        ),
      ),
    );
    box.addEventListener("toggle", (event) => event.newState === "closed" && anchor.isConnected && this.#back(anchor), { once: true });
    box.showPopover();
    const { left, right, bottom, top } = anchor.getBoundingClientRect();
    const below = bottom + box.offsetHeight < innerHeight;
    box.style.top = `${Math.max(8, below ? bottom : top - box.offsetHeight)}px`;
    box.style.left = `${Math.max(8, Math.min(right - box.offsetWidth, left + 400, innerWidth - box.offsetWidth - 8))}px`;
    box.firstElementChild.focus();
  }

  #back(anchor) {
    if (document.activeElement === document.body || this.#box.contains(document.activeElement)) anchor.focus();
  }

  /** Which of one's playlists? */
  async #lists(anchor, track) {
    const { api, me, say, go } = this.#page;
    const [{ id }, { items }] = await Promise.all([me(), api.playlists()]);
    const add = async (list) => {
      await api.edit(list.id, [{ op: "add", items: [{ uri: `spotify:track:${track.id}` }] }], newId());
      say(`${track.name} is in “${list.name}”.`, ["Open", () => go(`#/playlist/${list.id}`)]);
    };
    const editable = items.filter((it) => it.owner?.id === id || it.collaborative);
    this.#show(anchor, `Add ${track.name} to`, [
      ["New playlist", async () => add(await api.makePlaylist(track.name))],
      ...editable.map((it) => [it.name, () => add(it)]),
    ]);
  }

  #actions(anchor, track, row) {
    const { person, queue, radio, saved, share, go, unwanted, say } = this.#page;
    const add = () => {
      queue(track);
      say(`${track.name} is in the queue.`);
    };
    if (!person) return [["Add to queue", add]];
    const kept = saved.has("track", track.id);
    return [
      ["Add to queue", add],
      [kept ? "Remove from library" : "Save to library", () => saved.set("track", track, !kept)],
      ["Add to playlist …", () => this.#lists(anchor, track)],
      ["Start radio", () => radio("track", track)],
      ...(track.album?.id ? [["Go to album", () => go(`#/album/${track.album.id}`)]] : []),
      ...track.artists.filter((it) => it.id).slice(0, 3).map((it) => [`Go to ${it.name}`, () => go(`#/artist/${it.id}`)]),
      ["Copy link", () => share(`spotify:track:${track.id}`)],
      ...(row?.closest("[data-offered]") ? [["Not interested", () => unwanted(track, row)]] : []),
    ];
  }

  #key(event) {
    const items = [...this.#box.children];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Tab") this.#box.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    items.at(to % items.length).focus();
  }
}
