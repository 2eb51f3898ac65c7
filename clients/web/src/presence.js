// What friends learn of one's playing, and what one hears of theirs.

const SETTLED_MS = 400;
const AGAIN_MS = 2_000;
const TRIES = 5;

/** Whether one is in a private session, and who may see what one plays. */
export class Privacy extends EventTarget {
  #api;
  #changes = 0;
  known = null;

  constructor(api) {
    super();
    this.#api = api;
  }

  /** What holds; an answer that is older than a change is not believed. */
  async load() {
    const before = this.#changes;
    const found = await this.#api.privacy();
    return before === this.#changes ? this.#keep(found) : this.known;
  }

  async set(changes) {
    this.#changes += 1;
    return this.#keep(await this.#api.setPrivacy(changes));
  }

  get hidden() {
    return Boolean(this.known?.private_session) && Date.parse(this.known.private_until) > Date.now();
  }

  #keep(known) {
    this.known = known;
    this.dispatchEvent(new Event("change"));
    return known;
  }
}

/** Tell friends what `player` plays: once it has settled, once each, and not in a private session. */
export function tellNowPlaying(player, api, privacy) {
  let told = null;
  let timer = null;
  let failures = 0;
  const later = (ms = SETTLED_MS) => {
    clearTimeout(timer);
    timer = setTimeout(tell, ms);
  };
  const tell = async () => {
    const { track, playing } = player;
    const now = track && !privacy.hidden ? `${track.id} ${playing}` : null;
    if (now === told || (told === null && !playing)) return;
    const before = told;
    told = now;
    if (!now) return;
    try {
      await api.nowPlaying(track.id, playing);
      failures = 0;
    } catch {
      // A courtesy to friends: the music does not depend on it, nor is it tried for ever.
      if (told !== now) return;
      told = before;
      if (++failures < TRIES) later(AGAIN_MS * 2 ** (failures - 1));
    }
  };
  let seen = "";
  player.addEventListener("change", () => {
    const state = `${player.track?.id} ${player.playing}`;
    // What is still being fetched is not heard yet, and is no pause either.
    if (player.busy) return;
    if (state !== seen) {
      failures = 0;
      later();
    }
    seen = state;
  });
  privacy.addEventListener("change", () => later());
}

/** One's own feed, live: tells of "now" (what a friend plays) and "news", with the item as `detail`. */
export class Heard extends EventTarget {
  follow(live, me) {
    live.subscribe(`feed:${me}`, (change) => {
      const item = change.payload;
      if (change.kind === "said" && item.type === "now") this.dispatchEvent(new CustomEvent("now", { detail: item }));
      if (change.kind === "published" && item.type !== "withheld") this.dispatchEvent(new CustomEvent("news", { detail: item }));
    });
  }
}
