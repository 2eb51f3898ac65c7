// Which view is shown, by the address: one at a time, the latest asked for wins.

/** `#/search/two%20words?type=track` is { name: "search", id: "two words", query }. */
export function placeOf(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [name, id = ""] = path.split("/", 2);
  return { name, id: decoded(id), query: new URLSearchParams(query) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * `views` by name: `{ section, draw, title }`. `draw(place, signal)` gives the elements to show, or nothing when it
 * shows them itself; `signal` ends when the view is left.
 */
export class Router {
  #views;
  #show;
  #fail;
  #leaving = null;
  place = null;
  /** Is what is shown there only because the view could not be drawn? */
  failed = false;

  /** `show(section)` brings one to the front; `fail(error)` tells of errors. */
  constructor(views, { show, fail }) {
    this.#views = views;
    this.#show = show;
    this.#fail = fail;
  }

  /** Show the view of `place`; `moved` when somebody went there, so that the focus goes along. */
  async go(place, { moved = false } = {}) {
    const view = this.#views[place.name];
    this.#leaving?.abort();
    const { signal } = (this.#leaving = new AbortController());
    const same = this.place?.name === place.name && this.place.id === place.id;
    this.place = place;
    this.failed = false;
    this.#show(view.section, place.name);
    if (!same && moved) scrollTo(0, 0);
    view.section.setAttribute("aria-busy", "true");
    if (!same && !view.keeps) view.section.replaceChildren(waiting());
    try {
      const parts = await view.draw(place, signal);
      if (signal.aborted) return;
      if (parts) view.section.replaceChildren(...parts.flat().filter(Boolean));
      if (moved) focusOn(view.section);
    } catch (error) {
      if (signal.aborted) return;
      this.failed = true;
      if (!view.keeps) view.section.replaceChildren(...again(error, () => this.go(place)));
      this.#fail(error);
    } finally {
      if (!signal.aborted) view.section.removeAttribute("aria-busy");
    }
  }

  /** Draw what is shown anew, e.g. after something was changed in it. */
  redraw() {
    return this.go(this.place);
  }
}

function waiting() {
  const line = document.createElement("p");
  line.className = "words waiting";
  line.textContent = "One moment …";
  return line;
}

function again(error, work) {
  const box = document.createElement("div");
  box.className = "words";
  const retry = document.createElement("button");
  retry.type = "button";
  retry.className = "plain";
  retry.textContent = "Try again";
  retry.addEventListener("click", work);
  box.append(retry);
  return error?.status === 401 ? [] : [box];
}

/** Readers of screens and keyboards go on at the view's heading, not at the top of the page. */
function focusOn(section) {
  const on = document.activeElement;
  if (on && section.contains(on)) return;
  const heading = section.querySelector("h2") ?? section;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}
