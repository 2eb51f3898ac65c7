// The search box: suggestions while one types, as a combobox; Enter shows all that is found.

import { button, el } from "./dom.js";

const TYPING_MS = 120;
const KIND = { artist: "Artist", album: "Album", track: "Track", playlist: "Playlist" };

export class SearchBox {
  #input;
  #list;
  #api;
  #go;
  #timer = null;
  #asked = 0;

  /** `go(hash)` leads to a place. */
  constructor(input, list, api, go) {
    this.#input = input;
    this.#list = list;
    this.#api = api;
    this.#go = go;
    input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#suggest(), TYPING_MS);
    });
    input.addEventListener("keydown", (event) => this.#key(event));
    input.addEventListener("blur", () => this.#close());
    // A press on a suggestion must not take the focus before the click.
    list.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  get value() {
    return this.#input.value.trim();
  }

  set value(text) {
    if (document.activeElement !== this.#input || !text) this.#input.value = text;
  }

  async #suggest() {
    const asked = ++this.#asked;
    const text = this.value;
    // Suggestions are a courtesy: without them Enter still searches.
    const found = text ? await this.#api.suggestions(text).catch(() => []) : [];
    if (asked !== this.#asked || document.activeElement !== this.#input) return;
    this.#list.replaceChildren(...found.map((it, at) => this.#option(it, at)));
    this.#open(found.length > 0);
  }

  #option(it, at) {
    const line = [KIND[it.type], it.by.join(", ")].filter(Boolean).join(" · ");
    const made = button(el("span", { className: "title" }, ...marked(it.text, it.highlights)), () => this.#choose(made), {
      role: "option",
      id: `suggestion-${at}`,
      tabindex: "-1",
      "aria-selected": "false",
      "data-to": `#/${it.type}/${it.id}`,
    });
    made.append(el("span", { className: "quiet" }, line));
    return made;
  }

  #choose(option) {
    this.#close();
    this.#input.value = "";
    this.#input.blur();
    this.#go(option.dataset.to);
  }

  #key(event) {
    const options = [...this.#list.children];
    const at = options.findIndex((it) => it.getAttribute("aria-selected") === "true");
    if (event.key === "Escape" && !this.#list.hidden) {
      event.preventDefault();
      this.#close();
    } else if (event.key === "Enter") {
      clearTimeout(this.#timer);
      this.#asked += 1;
      if (options[at] && !this.#list.hidden) this.#choose(options[at]);
      else {
        this.#close();
        if (this.value) this.#go(`#/search/${encodeURIComponent(this.value)}`);
      }
    } else if (options.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      this.#open(true);
      const size = options.length + 1; // one place is the box itself
      this.#select(options, ((at + 1 + (event.key === "ArrowDown" ? 1 : -1) + size) % size) - 1);
    }
  }

  #select(options, at) {
    options.forEach((it, n) => it.setAttribute("aria-selected", String(n === at)));
    if (at >= 0) this.#input.setAttribute("aria-activedescendant", options[at].id);
    else this.#input.removeAttribute("aria-activedescendant");
  }

  #open(on) {
    this.#list.hidden = !on;
    this.#input.setAttribute("aria-expanded", String(on));
    if (!on) this.#input.removeAttribute("aria-activedescendant");
  }

  #close() {
    clearTimeout(this.#timer);
    this.#open(false);
  }
}

/** `text` with the spans `[[from, to], …]` marked. */
export function marked(text, spans = []) {
  const parts = [];
  let at = 0;
  for (const [from, to] of spans) {
    if (from < at || to <= from || to > text.length) continue;
    parts.push(text.slice(at, from), el("b", {}, text.slice(from, to)));
    at = to;
  }
  return [...parts, text.slice(at)].filter((it) => it !== "");
}
