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
  #chance;
  #run = 0;
  #list = [];
  #heard = new Set();
  title = "";
  /** "off", "context" (the list begins again at its end) or "track". */
  repeat = "off";
  shuffle = false;

  /** `follow()` gives tracks for when nothing is left, or none; `chance()` numbers below 1. */
  constructor(follow = async () => [], chance = Math.random) {
    super();
    this.#follow = follow;
    this.#chance = chance;
  }

  /** Begin `tracks` at number `at`; gives the entry to play. `more()` gives what comes after them. */
  start(tracks, at = 0, { title = "", more = null } = {}) {
    const entries = tracks.map((it) => ({ ...it }));
    const chosen = entries[at] ?? null;
    this.#begin(entries, at, title, more);
    if (this.shuffle && chosen) {
      this.#entries = [chosen, ...this.#mixed(entries.filter((it) => it !== chosen))];
      this.#at = 0;
    }
    this.#tell();
    return chosen;
  }

  /** What plays now plays on, and then `tracks` instead of what was to come. */
  after(tracks, { title = "", more = null } = {}) {
    const { current } = this;
    const entries = tracks.map((it) => ({ ...it }));
    this.#begin([current, ...entries], 0, title, more);
    if (this.shuffle) this.#entries = [current, ...this.#mixed(entries)];
    this.#tell();
  }

  /** What was put in between plays first either way; what was heard is heard. */
  setShuffle(on) {
    if (on === this.shuffle) return;
    this.shuffle = on;
    const added = this.upcoming.filter((it) => it.added);
    const played = this.#entries.slice(0, this.#at + 1).filter((it) => !on || it === this.current || this.#heard.has(it));
    if (on) {
      const rest = this.#list.filter((it) => !played.includes(it));
      this.#entries = [...played, ...added, ...this.#mixed(rest)];
    } else {
      // The list goes on after the last of it that was played, with what came early by chance once more.
      const last = Math.max(-1, this.#list.indexOf(played.findLast((it) => this.#list.includes(it))));
      const rest = this.#list.slice(last + 1).map((it) => (played.includes(it) ? this.#again(it) : it));
      this.#entries = [...played, ...added, ...rest];
    }
    this.#at = played.length - 1;
    this.#tell();
  }

  setRepeat(repeat) {
    if (repeat === this.repeat) return;
    this.repeat = repeat;
    this.#tell();
  }

  /** `entry` plays now. One from elsewhere is played in between. */
  take(entry) {
    const at = this.#entries.indexOf(entry);
    if (at < 0) this.#entries.splice(this.#at + 1, 0, entry);
    this.#at = at < 0 ? this.#at + 1 : at;
    this.#heard.add(entry);
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
    this.#list = this.#list.filter((it) => it !== entry);
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

  /**
   * The entry `by` places after `entry`, fetched when the list ends; null where there is none. `ended`: because it
   * has come to its end, not because somebody wants another.
   */
  async beside(entry, by, { ended = false } = {}) {
    if (ended && this.repeat === "track") return entry;
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
    const run = this.#run;
    let tracks = this.#more ? await this.#more() : [];
    if (run !== this.#run) return undefined; // something else was begun
    if (!tracks.length) {
      this.#more = null;
      if (this.repeat === "context" && this.#list.length) return this.#round();
      tracks = await this.#follow();
    }
    if (run !== this.#run || !tracks.length) return undefined;
    const fresh = tracks.map((it) => ({ ...it }));
    this.#list.push(...fresh);
    this.#entries.push(...(this.shuffle ? this.#mixed(fresh) : fresh));
    return this.#tell();
  }

  /** The list once more, from its beginning. */
  #round() {
    this.#list = this.#list.map(({ added, ...it }) => it);
    this.#heard.clear();
    const round = this.shuffle ? this.#mixed(this.#list) : this.#list;
    // What ended one round does not begin the next by chance.
    if (this.shuffle && round[0].id === this.#entries.at(-1)?.id) round.push(round.shift());
    this.#entries.push(...round);
    this.#tell();
  }

  #begin(entries, at, title, more) {
    this.#run += 1;
    this.#entries = entries;
    this.#list = [...entries];
    this.#heard.clear();
    this.#at = at;
    this.#more = more;
    this.#loading = null;
    this.title = title;
  }

  /** A place of its own for a track of the list that was played before its turn. */
  #again(entry) {
    const copy = { ...entry };
    this.#list[this.#list.indexOf(entry)] = copy;
    return copy;
  }

  /** In any order (Fisher and Yates). */
  #mixed(entries) {
    const mixed = [...entries];
    for (let left = mixed.length; left > 1; left -= 1) {
      const at = Math.floor(this.#chance() * left);
      [mixed[left - 1], mixed[at]] = [mixed[at], mixed[left - 1]];
    }
    return mixed;
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
