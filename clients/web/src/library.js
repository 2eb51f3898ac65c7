// All there is, page by page.

import { trackRow } from "./rows.js";

const PAGE = 50;

export class Library {
  #api;
  #parts;
  #page;
  #tracks = [];
  #total = 0;
  #rows = new Map();
  #loading = null;

  /** `parts` are elements by name: list, more, count, empty. `page` plays and opens menus. */
  constructor(api, parts, page) {
    this.#api = api;
    this.#parts = parts;
    this.#page = page;
  }

  get total() {
    return this.#total;
  }

  /** Fetch and show the next page, once for all who ask. */
  load() {
    this.#loading ??= this.#load().finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #load() {
    const { more, count, empty } = this.#parts;
    more.disabled = true;
    try {
      const page = await this.#api.tracks(PAGE, this.#tracks.length);
      this.#total = page.total;
      // New uploads may shift the pages: a track is never shown twice.
      for (const track of page.items) if (!this.#rows.has(track.id)) this.#add(track);
      more.hidden = !page.next;
    } finally {
      more.disabled = false;
    }
    empty.hidden = this.#total > 0;
    count.textContent = this.#total === 1 ? "1 track" : `${this.#total} tracks`;
    more.textContent = `Show more (${this.#tracks.length} of ${this.#total})`;
  }

  /** The tracks from number `at` on, a page fetched when there are none yet. */
  async #after(at) {
    if (at >= this.#tracks.length && this.#tracks.length < this.#total) await this.load();
    return this.#tracks.slice(at);
  }

  #add(track) {
    const at = this.#tracks.push(track) - 1;
    const play = () => {
      let known = this.#tracks.length;
      const more = async () => {
        const next = await this.#after(known);
        known += next.length;
        return next;
      };
      this.#page.play(this.#tracks, at, { title: "Everything here", more });
    };
    const row = trackRow(track, { play, menu: this.#page.menu, number: at + 1 });
    this.#rows.set(track.id, row);
    this.#parts.list.append(row);
  }
}
