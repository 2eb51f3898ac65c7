// What is known of tracks, by URI: asked for once, many at a time.

const AT_ONCE = 50;
const URI = /^spotify:track:([0-9A-Za-z]{22})$/;

export class Tracks {
  #api;
  #known = new Map();
  #asked = new Map();

  constructor(api) {
    this.#api = api;
  }

  /** The track, or null when it is not (yet) known. */
  known(uri) {
    return this.#known.get(uri) ?? null;
  }

  learn(track) {
    this.#known.set(`spotify:track:${track.id}`, track);
  }

  /** Have those of `uris` known that can be. */
  async load(uris) {
    const missing = [...new Set(uris)].filter((uri) => URI.test(uri) && !this.#known.has(uri) && !this.#asked.has(uri));
    for (let at = 0; at < missing.length; at += AT_ONCE) {
      const some = missing.slice(at, at + AT_ONCE);
      const asked = this.#ask(some);
      for (const uri of some) this.#asked.set(uri, asked);
    }
    await Promise.all(new Set(uris.map((uri) => this.#asked.get(uri))));
  }

  async #ask(uris) {
    try {
      const found = await this.#api.several(uris.map((uri) => URI.exec(uri)[1]));
      for (const track of found.tracks) if (track) this.learn(track);
    } finally {
      for (const uri of uris) this.#asked.delete(uri);
    }
  }
}
