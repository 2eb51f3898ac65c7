// The list of tracks, a page at a time.

import { artistsOf, showCover } from "./covers.js";
import { clock } from "./format.js";

const PAGE = 50;

export class Library {
  #api;
  #list;
  #more;
  #count;
  #template;
  #choose;
  #tracks = [];
  #total = 0;
  #rows = new Map();
  #text = "";
  #asked = 0;

  constructor(api, { list, more, count, template }, choose) {
    this.#api = api;
    this.#list = list;
    this.#more = more;
    this.#count = count;
    this.#template = template;
    this.#choose = choose;
  }

  get total() {
    return this.#total;
  }

  /** Show what is found for `text`; everything when it is empty. */
  async search(text) {
    if (text === this.#text) return;
    this.#text = text;
    await this.load(true);
  }

  /** Fetch and show the next page, or `anew` the first. */
  async load(anew = false) {
    const asked = ++this.#asked;
    this.#more.disabled = true;
    try {
      const at = anew ? 0 : this.#tracks.length;
      const page = await (this.#text ? this.#api.search(this.#text, PAGE, at) : this.#api.tracks(PAGE, at));
      if (asked !== this.#asked) return; // someone typed on
      if (anew) this.#clear();
      this.#total = page.total;
      // New uploads may shift the pages: a track is never shown twice.
      for (const track of page.items) if (!this.#rows.has(track.id)) this.#add(track);
      this.#more.hidden = !page.next;
    } finally {
      if (asked === this.#asked) this.#more.disabled = false;
    }
    const shown = this.#tracks.length;
    this.#count.textContent = this.#total === 1 ? "1 track" : `${this.#total} tracks`;
    this.#more.textContent = `Show more (${shown} of ${this.#total})`;
  }

  /** The track `by` places after `track`, loading a page when the list ends; null at the ends. */
  async beside(track, by) {
    const at = this.#tracks.indexOf(track) + by;
    if (at >= this.#tracks.length && this.#tracks.length < this.#total) await this.load();
    return this.#tracks[at] ?? null;
  }

  /** Mark `track` as the one that is on, playing or paused. */
  mark(track, playing) {
    for (const row of this.#list.querySelectorAll("[aria-current]")) {
      row.removeAttribute("aria-current");
      row.closest("li").classList.remove("playing");
    }
    const row = track && this.#rows.get(track.id);
    row?.querySelector("button").setAttribute("aria-current", "true");
    row?.classList.toggle("playing", playing);
  }

  #clear() {
    this.#tracks = [];
    this.#rows.clear();
    this.#list.replaceChildren();
  }

  #add(track) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    const at = this.#tracks.push(track) - 1;
    row.querySelector(".number").textContent = String(at + 1);
    row.querySelector(".title").textContent = track.name;
    row.querySelector(".artist").textContent = artistsOf(track);
    row.querySelector(".album").textContent = track.album?.name ?? "";
    row.querySelector(".length").textContent = clock(track.duration_ms / 1000);
    showCover(row.querySelector(".cover"), track, 64);
    const button = row.querySelector("button");
    button.dataset.track = track.id;
    button.addEventListener("click", () => this.#choose(track));
    if (track.is_playable === false) row.classList.add("unplayable");
    this.#rows.set(track.id, row);
    this.#list.append(row);
  }
}
