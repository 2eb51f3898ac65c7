// What plays after what: a list, what one put in between, and what goes on when both are over.

const LEFT_BEFORE_MORE = 3;

/**
 * Entries are copies of tracks, so that a track may come twice and each place is itself.
 * Tells of "change".
 */
export class Queue extends EventTarget {
  #entries = [];
  #at = -1;
  #more = null;
  #follow;
  #loading = null;
  title = "";

  /** `follow()` gives tracks for when nothing is left, or none. */
  constructor(follow = async () => []) {
    super();
    this.#follow = follow;
  }

  /** Begin `tracks` at number `at`; gives the entry to play. `more()` gives what comes after them. */
  start(tracks, at = 0, { title = "", more = null } = {}) {
    this.#entries = tracks.map((it) => ({ ...it }));
    this.#at = at;
    this.#more = more;
    this.#loading = null;
    this.title = title;
    this.#tell();
    return this.#entries[at] ?? null;
  }

  /** What plays now plays on, and then `tracks` instead of what was to come. */
  after(tracks, { title = "", more = null } = {}) {
    this.#entries = [this.current, ...tracks.map((it) => ({ ...it }))];
    this.#at = 0;
    this.#more = more;
    this.#loading = null;
    this.title = title;
    this.#tell();
  }

  /** `entry` plays now. One from elsewhere is played in between. */
  take(entry) {
    const at = this.#entries.indexOf(entry);
    if (at < 0) this.#entries.splice(this.#at + 1, 0, entry);
    this.#at = at < 0 ? this.#at + 1 : at;
    this.#tell();
    if (this.#more && this.#entries.length - this.#at <= LEFT_BEFORE_MORE) this.#extend().catch(() => {});
  }

  /** Play `track` after this one and what was added before. */
  add(track) {
    let at = this.#at + 1;
    while (this.#entries[at]?.added) at += 1;
    this.#entries.splice(at, 0, { ...track, added: true });
    this.#tell();
  }

  remove(entry) {
    const at = this.#entries.indexOf(entry);
    if (at <= this.#at) return;
    this.#entries.splice(at, 1);
    this.#tell();
  }

  /** Move an entry that is still to come by one place, up (-1) or down (1). */
  move(entry, by) {
    const at = this.#entries.indexOf(entry);
    const to = at + by;
    if (at <= this.#at || to <= this.#at || to >= this.#entries.length) return;
    this.#entries.splice(at, 1);
    this.#entries.splice(to, 0, entry);
    this.#tell();
  }

  get current() {
    return this.#entries[this.#at] ?? null;
  }

  get upcoming() {
    return this.#entries.slice(this.#at + 1);
  }

  /** Does it go on by itself, like a radio? */
  get endless() {
    return this.#more !== null;
  }

  /** The entry `by` places after `entry`, fetched when the list ends; null where there is none. */
  async beside(entry, by) {
    const at = this.#entries.indexOf(entry) + by;
    if (at >= this.#entries.length) await this.#extend();
    return this.#entries[at] ?? null;
  }

  /** Several who want more at once share one request. */
  #extend() {
    this.#loading ??= this.#fetch().finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #fetch() {
    const entries = this.#entries;
    let tracks = this.#more ? await this.#more() : [];
    if (!tracks.length) {
      this.#more = null;
      tracks = await this.#follow();
    }
    if (entries !== this.#entries || !tracks.length) return; // something else was begun
    this.#entries.push(...tracks.map((it) => ({ ...it })));
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
