// Listening together: the session's state on its channel, the page's player kept in step with it.

import { artistsOf } from "./covers.js";
import { button, el } from "./dom.js";
import { newId } from "./reports.js";
import { positionAt, Servo } from "./servo.js";

const KEY = "segue.session-id";
const CORRECT_MS = 250;
const PINGS_NEEDED = 4;
const HERE_MS = 20_000;
const uriOf = (id) => `spotify:track:${id}`;

export class Together {
  #api;
  #live;
  #tracks;
  #player;
  #audio;
  #parts;
  #fail;
  #storage;
  #me = null;
  #id = null;
  #leave = null;
  #timer = null;
  #here = null;
  #loaded = null;
  #loading = null;
  #waiting = null;
  #servo = new Servo();
  state = null;
  /** Milliseconds by which the player was off when last looked at. */
  offMs = null;

  constructor(api, live, tracks, player, audio, parts, { fail, storage = sessionStorage }) {
    this.#api = api;
    this.#live = live;
    this.#tracks = tracks;
    this.#player = player;
    this.#audio = audio;
    this.#parts = parts;
    this.#fail = fail;
    this.#storage = storage;
    parts.begin.addEventListener("click", () => this.#attempt(async () => this.#enter(await api.beginSession())));
    parts.leave.addEventListener("click", () => this.#attempt(() => this.#go()));
    parts.toggle.addEventListener("click", () => this.toggle());
    parts.skip.addEventListener("click", () => this.next());
    parts.find.addEventListener("input", () => this.#attempt(() => this.#suggest()));
    audio.addEventListener("ended", () => this.active && this.#do({ op: "skip", if_v: this.state.v }));
    addEventListener("pagehide", () => this.#stop());
  }

  get active() {
    return this.#id !== null;
  }

  /** Show the session one is in, or join the one that `code` invites to. */
  async open(code) {
    this.#me ??= (await this.#api.me()).id;
    if (code) this.#enter(await this.#api.joinSession(code));
    else if (!this.active && this.#storage.getItem(KEY)) {
      const session = await this.#api.session(this.#storage.getItem(KEY)).catch(() => null);
      if (session) this.#enter(session);
      else this.#storage.removeItem(KEY);
    }
    this.#show();
  }

  #enter(session) {
    this.#stop();
    this.#id = session.id;
    this.#storage.setItem(KEY, session.id);
    this.#parts.link.textContent = session.invite?.url ?? "";
    this.state = session.state;
    this.#leave = this.#live.subscribe(`session:${session.id}`, (change) => this.#hear(change));
    this.#timer = setInterval(() => this.#correct(), CORRECT_MS);
    this.#here = setInterval(() => this.state?.host === this.#me && this.#do({ op: "here" }), HERE_MS);
    this.#follow();
    this.#show();
  }

  async #go() {
    await this.#api.command(this.#id, { op: "leave" }).catch(() => null);
    this.#stop();
    this.#storage.removeItem(KEY);
    this.#audio.pause();
    this.#show();
  }

  #stop() {
    this.#leave?.();
    clearInterval(this.#timer);
    clearInterval(this.#here);
    clearTimeout(this.#waiting);
    this.#audio.playbackRate = 1;
    this.#id = this.#leave = this.state = this.#loaded = this.offMs = null;
  }

  #hear(change) {
    const state = change.kind === "reset" ? change.snapshot : change.kind === "published" ? change.payload : null;
    if (change.kind === "ended" || state?.ended) {
      this.#storage.removeItem(KEY);
      this.#stop();
      this.#audio.pause();
    } else if (state && (!this.state || state.v >= this.state.v)) {
      this.state = state;
      this.#follow();
    }
    this.#show();
  }

  /** Do what the session says: load its track, start it when it is due, or hold it. */
  async #follow() {
    clearTimeout(this.#waiting);
    const state = this.state;
    if (!state) return;
    if (!state.track) {
      this.#audio.pause();
      return;
    }
    if (this.#live.clock.samples.length < PINGS_NEEDED) {
      this.#waiting = setTimeout(() => this.#follow(), 30);
      return;
    }
    if (this.#loaded !== state.track) {
      await this.#load(state.track);
      if (this.state !== state) return;
    }
    const now = this.#live.serverMs;
    const due = state.playing ? state.at - now : 0;
    if (!state.playing || due > 0) {
      this.#audio.pause();
      this.#audio.currentTime = state.pos / 1000;
    }
    if (!state.playing) return;
    if (due > 0) this.#waiting = setTimeout(() => this.#start(state), due);
    else this.#start(state);
  }

  async #load(track) {
    if (this.#loading === track) return;
    this.#loading = track;
    try {
      await this.#tracks.load([uriOf(track)]);
      const known = this.#tracks.known(uriOf(track));
      if (!known) throw { reason: "TRACK_NOT_FOUND" };
      await this.#player.choose(known);
      this.#loaded = track;
    } finally {
      this.#loading = null;
    }
  }

  async #start(state) {
    if (this.state !== state) return;
    const expected = positionAt(state, this.#live.serverMs);
    if (expected > state.pos + 5) this.#audio.currentTime = this.#servo.jump(expected).seek / 1000;
    await this.#audio.play().catch(() => {});
  }

  #correct() {
    const { state } = this;
    const ready = state?.playing && this.#loaded === state.track && !this.#audio.paused && !this.#audio.seeking && this.#audio.readyState > 2;
    if (!ready || this.#live.serverMs < state.at) return;
    const expected = positionAt(state, this.#live.serverMs);
    const actual = this.#audio.currentTime * 1000;
    this.offMs = actual - expected;
    const { seek, rate } = this.#servo.correct(expected, actual);
    if (seek !== null) this.#audio.currentTime = seek / 1000;
    if (this.#audio.playbackRate !== rate) this.#audio.playbackRate = rate;
    this.#parts.off.textContent = `${Math.abs(Math.round(this.offMs))} ms`;
    this.#parts.off.dataset.ms = String(this.offMs);
  }

  // What the player's own controls do while one is in a session: for everybody.

  toggle() {
    return this.#do({ op: this.state?.playing ? "pause" : "play" });
  }

  next() {
    return this.#do({ op: "skip" });
  }

  previous() {
    return this.seek(0);
  }

  seek(seconds) {
    return this.#do({ op: "seek", position_ms: Math.max(0, Math.round(seconds * 1000)) });
  }

  /** Add a track to the queue, or play it when nothing does. */
  add(track) {
    this.#tracks.learn(track);
    const op = this.state?.track || this.state?.queue.length ? "add" : "play";
    return this.#do({ op, track_id: track.id });
  }

  async #do(command) {
    const id = this.#id;
    await this.#attempt(async () => {
      try {
        await this.#api.command(id, { ...command, nonce: newId() });
      } catch (error) {
        // Somebody moved on before us: that is what was wanted.
        if (error.status !== 412) throw error;
      }
    });
  }

  async #suggest() {
    const text = this.#parts.find.value.trim();
    const found = text ? (await this.#api.search(text, 5, 0)).items : [];
    if (text !== this.#parts.find.value.trim()) return;
    this.#parts.found.replaceChildren(
      ...found.map((track) => item(button(`${track.name} – ${artistsOf(track)}`, () => this.add(track)))),
    );
  }

  async #show() {
    const { inside, outside, people, queue, toggle, title, host } = this.#parts;
    inside.hidden = !this.active;
    outside.hidden = this.active;
    const state = this.state;
    if (!state) return;
    people.replaceChildren(...state.members.map((it) => item(text(it.id === this.#me ? "You" : it.display_name))));
    host.textContent = state.host === this.#me ? "You host" : `${state.members.find((it) => it.id === state.host)?.display_name} hosts`;
    toggle.textContent = state.playing ? "Pause for all" : "Play for all";
    await this.#attempt(() => this.#tracks.load([state.track, ...state.queue.map((it) => it.track)].filter(Boolean).map(uriOf)));
    if (this.state !== state) return;
    title.textContent = this.#tracks.known(uriOf(state.track))?.name ?? "Nothing plays yet";
    queue.replaceChildren(
      ...state.queue.map((it) => {
        const voted = it.votes.includes(this.#me);
        const vote = button(`▲ ${it.votes.length}`, () => this.#do({ op: "vote", item_id: it.id, up: !voted }));
        vote.setAttribute("aria-pressed", String(voted));
        vote.className = "vote";
        return item(vote, text(this.#tracks.known(uriOf(it.track))?.name ?? it.track));
      }),
    );
  }

  async #attempt(work) {
    try {
      await work();
    } catch (error) {
      this.#fail(error);
    }
  }
}

const item = (...parts) => el("li", {}, ...parts);
const text = (words) => el("span", {}, words);
