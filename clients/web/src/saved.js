// What one has saved or follows, as far as it was asked for.

const PLURAL = { track: "tracks", album: "albums" };
const SAID = { track: "in your library", album: "in your library", artist: "among those you follow", user: "among those you follow" };

/** Tells of "change" with `detail` { kind, id, on }. */
export class Saved extends EventTarget {
  #api;
  #say;
  #known = new Map();

  constructor(api, say) {
    super();
    this.#api = api;
    this.#say = say;
  }

  has(kind, id) {
    return this.#known.get(`${kind}:${id}`) ?? false;
  }

  /** Ask which of `ids` are saved, fifty at a time. */
  async learn(kind, ids) {
    const asked = [...new Set(ids)].filter((id) => id && !this.#known.has(`${kind}:${id}`));
    for (let at = 0; at < asked.length; at += 50) {
      const some = asked.slice(at, at + 50);
      const answers = await (PLURAL[kind] ? this.#api.contains(PLURAL[kind], some) : this.#api.follows(kind, some));
      some.forEach((id, n) => this.#known.set(`${kind}:${id}`, answers[n]));
    }
  }

  /** Save a thing or let it go; a listener sees it at once, and again when it could not be done. */
  async set(kind, thing, on) {
    const { id } = thing;
    this.#put(kind, id, on);
    try {
      await (PLURAL[kind] ? this.#api.save(PLURAL[kind], id, on) : this.#api.follow(kind, id, on));
    } catch (error) {
      this.#put(kind, id, !on);
      throw error;
    }
    this.#say(`${thing.name ?? thing.display_name ?? "It"} is ${on ? "now" : "no longer"} ${SAID[kind]}.`);
  }

  #put(kind, id, on) {
    this.#known.set(`${kind}:${id}`, on);
    this.dispatchEvent(new CustomEvent("change", { detail: { kind, id, on } }));
  }
}
