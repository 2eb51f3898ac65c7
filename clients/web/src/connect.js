// One player on many devices: this page is one of them, does what the others ask of it, and says what it does.
//
// The service keeps the state, and tells each change on the channel `user:ID`. Our own changes come back to us as well:
// what we said last is no news, and while we are speaking nothing is taken for the last word.

const SETTLED_MS = 300;
const OWN_MS = 1_500;
const MOST_TOLD = 50;
const OFF_MS = 4_000;
const KEY = "segue.device";

/** What this device is called among others: `{ name, type }`. */
export function nameOf(agent, touch) {
  const browser = [["Edg/", "Edge"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]].find(([mark]) => agent.includes(mark))?.[1] ?? "A browser";
  const system = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS", "Mac"], ["Linux", "Linux"]].find(([mark]) => agent.includes(mark))?.[1];
  return { name: system ? `${browser} on ${system}` : browser, type: touch ? "Smartphone" : "Computer" };
}

/** The id of this tab among the listener's devices: the same one after a reload. */
export function deviceId(storage, make) {
  const known = storage.getItem(KEY) ?? make();
  storage.setItem(KEY, known);
  return known;
}

/** Tells of "change": `state` is the player as the service last told it, null when idle. */
export class Connect extends EventTarget {
  #page;
  #id;
  #told = null;
  #due = null;
  #toldAt = -Infinity;
  #timer = null;
  #later = null;
  #chosenAt = -Infinity;
  state = null;

  /** `id` is this device's. */
  constructor(page, id) {
    super();
    this.#page = page;
    this.#id = id;
  }

  get id() {
    return this.#id;
  }

  /** The device that plays now, when it is another one. */
  get elsewhere() {
    const { device, is_playing: playing } = this.state ?? {};
    return playing && device && device.id !== this.#id ? device : null;
  }

  async begin(live, me, { name, type }) {
    const { api, player } = this.#page;
    await api.addDevice(this.#id, name, type);
    live.subscribe(`user:${me}`, (change) => {
      const heard = change.kind === "reset" ? change.snapshot : change.kind === "published" ? change.payload : null;
      if (heard) this.#hear(heard.player, change.kind === "reset");
    });
    player.addEventListener("change", () => this.#soon());
    player.addEventListener("seeked", () => this.#tell());
    addEventListener("pagehide", () => api.removeDevice(this.#id).catch(() => {}));
    // Back from the browser's cache of pages.
    addEventListener("pageshow", (event) => event.persisted && api.addDevice(this.#id, name, type).catch(() => {}));
  }

  /** Play in another order: here, and told to the other devices. */
  async order({ shuffle, repeat }) {
    const { api, queued, person } = this.#page;
    this.#chosenAt = performance.now();
    if (shuffle !== undefined) queued.setShuffle(shuffle);
    if (repeat !== undefined) queued.setRepeat(repeat);
    if (!person) return;
    try {
      if (shuffle !== undefined) await api.playerMode("shuffle", shuffle, this.#id);
      if (repeat !== undefined) await api.playerMode("repeat", repeat, this.#id);
    } catch {
      // The order here does not depend on what other devices know of it.
    }
    this.#chosenAt = performance.now();
  }

  #soon() {
    const { track, playing } = this.#page.player;
    if (!track || this.#page.player.busy || this.#page.inSession() || this.#says() === this.#told) return;
    if ((!playing && this.#told === null) || this.#says() === this.#due) return;
    this.#due = this.#says();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), SETTLED_MS);
  }

  #says() {
    const { track, playing } = this.#page.player;
    return `${track?.id} ${playing}`;
  }

  /** Say what this device does now; others then stop. */
  async #tell() {
    this.#due = null;
    const { api, player, queued } = this.#page;
    const { track, playing } = player;
    if (!track || this.#page.inSession()) return;
    // What stands still here because another device plays is not that one's business.
    if (!playing && (this.elsewhere || this.#told === null)) return;
    this.#told = this.#says();
    this.#toldAt = performance.now();
    try {
      if (!playing) await api.pauseOn(this.#id);
      else {
        const uris = [track, ...queued.upcoming].slice(0, MOST_TOLD).map((it) => `spotify:track:${it.id}`);
        await api.playOn(this.#id, uris, Math.round(player.positionS * 1000));
      }
    } catch {
      // The music here does not depend on what other devices know of it.
    }
    this.#toldAt = performance.now();
  }

  #hear(state, first) {
    const before = this.state;
    this.state = state;
    this.dispatchEvent(new Event("change"));
    if (state && performance.now() > this.#chosenAt + OWN_MS) {
      this.#page.queued.setShuffle(Boolean(state.shuffle_state));
      this.#page.queued.setRepeat(state.repeat_state ?? "off");
    }
    clearTimeout(this.#later);
    if (first || this.#page.inSession()) return;
    if (state?.device.id !== this.#id) return void this.#yield(state);
    const moved = before?.device.id !== this.#id && `${state.item.id} ${state.is_playing}` !== this.#told;
    const wait = moved ? 0 : this.#toldAt + OWN_MS - performance.now();
    // What we said comes back to us for a while: only the last of it counts.
    if (wait > 0) this.#later = setTimeout(() => this.#follow(this.state, false), wait);
    else this.#follow(state, moved);
  }

  /** Another device plays: this one falls silent. */
  #yield(state) {
    if (!state?.is_playing || !this.#page.player.playing) return;
    this.#told = null;
    this.#page.player.pause();
  }

  /** Do what the service says that this device does; `moved` when another one did it before. */
  async #follow(state, moved) {
    const { player, queued } = this.#page;
    // Something was done here that is not yet said: our word comes after this one.
    if (!moved && player.track && this.#says() !== this.#told) return;
    const at = state.progress_ms + (state.is_playing ? Math.max(0, Date.now() - state.timestamp) : 0);
    if (state.item.id !== player.track?.id) {
      if (!state.is_playing) return;
      const { queue } = await this.#page.api.playerQueue();
      const entry = queued.start([state.item, ...queue], 0, { title: "another device" });
      this.#told = `${entry.id} true`;
      await player.choose(entry, { atS: at / 1000 });
    } else {
      this.#told = `${state.item.id} ${state.is_playing}`;
      if (moved || Math.abs(player.positionS * 1000 - at) > OFF_MS) player.seek(at / 1000);
      if (state.is_playing !== player.playing) await player.toggle();
    }
  }
}
