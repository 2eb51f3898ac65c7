// What went wrong, what was done: told on the page, to eyes and ears.

import { button } from "./dom.js";
import { wordsFor } from "./messages.js";

const TOAST_MS = 7_000;

export class Notices {
  #parts;
  #timer = null;

  /** `parts` are elements by name: notice, noticeText, noticeCode, dismiss; toast; spoken. */
  constructor(parts) {
    this.#parts = parts;
    parts.dismiss.addEventListener("click", () => this.clear());
    for (const name of ["pointerenter", "focusin"]) parts.toast.addEventListener(name, () => clearTimeout(this.#timer));
    for (const name of ["pointerleave", "focusout"]) parts.toast.addEventListener(name, () => this.#fade());
  }

  /** An error in words, its stable code behind for those whom one asks for help. */
  fail(error) {
    const { notice, noticeText, noticeCode } = this.#parts;
    const code = error?.decision ?? error?.reason ?? (error?.category ? `STREAM_${error.category}_${error.code}` : "");
    noticeText.textContent = wordsFor(error);
    noticeCode.textContent = code === "UNKNOWN" ? String(error.status) : code;
    notice.hidden = false;
  }

  clear() {
    this.#parts.notice.hidden = true;
  }

  /** What was done; `action` is [words, work]. `quiet`: for those who listen to the page alone. */
  say(words, action = null, { quiet = false } = {}) {
    const { toast, spoken } = this.#parts;
    if (quiet) return void (spoken.textContent = words);
    const line = document.createElement("span");
    line.textContent = words;
    toast.replaceChildren(line);
    if (action) {
      const [label, work] = action;
      toast.append(button(label, () => this.#done(work)));
    }
    toast.hidden = false;
    this.#fade();
    return undefined;
  }

  async #done(work) {
    this.#parts.toast.hidden = true;
    try {
      await work();
    } catch (error) {
      this.fail(error);
    }
  }

  #fade() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#parts.toast.hidden = true), TOAST_MS);
  }
}
