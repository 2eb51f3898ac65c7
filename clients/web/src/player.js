// One listener's player: which track is on, its grant, its sound, and the report of its play.

import { Grants } from "./grants.js";
import { Loudness } from "./loudness.js";
import { Meter } from "./meter.js";
import { newId } from "./reports.js";
import { Stream } from "./stream.js";

const PRELOAD_LEFT_S = 25;
const RESTART_AFTER_S = 4;

export class Player extends EventTarget {
  #audio;
  #api;
  #grants;
  #stream;
  #loudness;
  #reports;
  #beside;
  #play = null;
  #turn = 0;
  #device;
  #next = null;
  track = null;
  busy = false;

  /**
   * `beside(track, by, { ended })` gives the neighbour of a track in the list, or null; `ended` when it has come to its
   * end. `device` is this one's id.
   */
  constructor(audio, api, reports, beside, device = newId()) {
    super();
    this.#device = device;
    this.#audio = audio;
    this.#api = api;
    this.#grants = new Grants(api);
    this.#stream = new Stream(audio, this.#grants);
    this.#loudness = new Loudness(audio);
    this.#reports = reports;
    this.#beside = beside;
    for (const name of ["play", "pause", "playing", "durationchange"]) {
      audio.addEventListener(name, () => this.#tell());
    }
    audio.addEventListener("timeupdate", () => this.#tick());
    // Where hearing begins and ends, to the moment: timeupdate alone comes a quarter second late.
    for (const name of ["playing", "pause", "seeked"]) audio.addEventListener(name, () => this.#measure());
    audio.addEventListener("seeking", () => this.#play?.meter.jump());
    audio.addEventListener("waiting", () => this.#stalled());
    audio.addEventListener("ended", () => this.#ended());
    this.#stream.addEventListener("failed", (event) => this.#fail(event.detail));
    for (const name of ["interrupted", "recovered"]) {
      this.#stream.addEventListener(name, (event) => {
        this.dispatchEvent(new CustomEvent(name, { detail: event.detail }));
      });
    }
    this.#stream.addEventListener("rendition", () => this.#tell());
    this.#stream.addEventListener("buffering", (event) => {
      this.busy = event.detail;
      this.#tell();
    });
  }

  open() {
    return this.#stream.open();
  }

  get playing() {
    return Boolean(this.track) && !this.#audio.paused;
  }

  get grant() {
    return this.#play?.grant ?? null;
  }

  get positionS() {
    return this.#audio.currentTime;
  }

  /** Seconds: the grant's own length until the stream's is known. */
  get durationS() {
    const own = this.#audio.duration;
    return Number.isFinite(own) && own > 0 ? own : (this.track?.duration_ms ?? 0) / 1000;
  }

  facts() {
    return { ...this.#stream.facts(), gainDb: this.#loudness.gainDb };
  }

  /** Play `track` from its start, or from `atS` seconds. Errors are told by the event "failed". */
  async choose(track, { reason = "next", atS = 0 } = {}) {
    const turn = ++this.#turn;
    const skip = reason === "next" && Boolean(this.#play);
    this.#loudness.start();
    this.#finish(reason);
    this.#audio.pause();
    this.track = track;
    this.busy = true;
    this.#tell();
    try {
      const ready = this.#next?.track === track ? this.#next.grant : null;
      this.#next = null;
      const grant = ready ?? (await this.#grants.ask(track.id, this.#circumstances({ skip, take_over: reason !== "track_done" })));
      if (turn !== this.#turn) return;
      this.#play = { grant, meter: new Meter(), startedAt: new Date(), stalls: 0, began: false };
      this.#loudness.track = grant.track;
      await this.#stream.load(grant, atS);
      if (turn !== this.#turn) return;
      this.dispatchEvent(new Event("loaded"));
      await this.#audio.play();
    } catch (error) {
      // A later choice, or a pause before the first sound, interrupts this one: not a failure.
      if (turn === this.#turn && error?.name !== "AbortError") this.#fail(error);
    } finally {
      if (turn === this.#turn) {
        this.busy = false;
        this.#tell();
      }
    }
  }

  async toggle() {
    if (!this.track) return;
    this.#loudness.start();
    if (!this.#play) await this.choose(this.track);
    else if (this.#audio.paused) await this.#audio.play().catch(() => {});
    else this.#audio.pause();
  }

  pause() {
    this.#audio.pause();
  }

  seek(seconds) {
    if (!this.#play) return;
    this.#play.meter.jump();
    this.#audio.currentTime = Math.max(0, Math.min(seconds, this.durationS - 0.1));
    this.dispatchEvent(new Event("seeked"));
    this.#tell();
  }

  async next() {
    const track = this.track && (await this.#beside(this.track, 1));
    if (track) await this.choose(track, { reason: "next" });
  }

  /** To the start of this track, or to the one before when already there. */
  async previous() {
    const track = this.positionS < RESTART_AFTER_S && this.track && (await this.#beside(this.track, -1));
    if (track) await this.choose(track, { reason: "previous" });
    else this.seek(0);
  }

  set volume(value) {
    this.#loudness.volume = value;
  }

  /** The connection is back: fetch again what could not be fetched. */
  resume() {
    this.#stream.retry();
    this.#reports.flush();
  }

  /** The page goes away: report what was heard so far. */
  leave() {
    this.#finish("closed", { leaving: true });
  }

  #tick() {
    const play = this.#play;
    if (!play) return;
    if (!this.#audio.paused) {
      play.began = true;
      this.#measure();
      if (this.durationS - this.positionS < PRELOAD_LEFT_S) this.#fetchAhead();
    }
    this.#tell();
  }

  #measure() {
    this.#play?.meter.tick(this.#audio.currentTime, this.facts().kbps);
  }

  #stalled() {
    if (this.#play?.began && !this.#audio.seeking) this.#play.stalls += 1;
  }

  async #fetchAhead() {
    if (this.#next) return;
    const held = (this.#next = { track: null, grant: null });
    try {
      const track = await this.#beside(this.track, 1, { ended: true });
      // The same once more has a grant of its own when its turn comes: two at once would be two plays.
      if (!track || track === this.track) return;
      const grant = await this.#grants.ask(track.id, this.#circumstances());
      await this.#stream.preload(grant);
      if (this.#next === held) Object.assign(held, { track, grant });
    } catch {
      // Fetching ahead is a kindness; when its turn comes the track is asked for again.
    }
  }

  async #ended() {
    const track = await this.#beside(this.track, 1, { ended: true }).catch(() => null);
    if (track) await this.choose(track, { reason: "track_done" });
    else {
      this.#finish("track_done");
      await this.#stream.unload();
      this.#tell();
    }
  }

  #fail(error) {
    this.#finish("error");
    this.#next = null;
    this.#stream.unload();
    this.busy = false;
    this.dispatchEvent(new CustomEvent("failed", { detail: error }));
    this.#tell();
  }

  /** End the play that is on and report it, unless nothing was heard. */
  #finish(reason, { leaving = false } = {}) {
    const play = this.#play;
    if (play?.began) this.#measure();
    this.#play = null;
    if (!play) return;
    this.#grants.drop(play.grant.trackId);
    const measured = this.#grants.measured();
    // A courtesy to whoever plays next: nothing here depends on it.
    if (measured.length && !leaving) this.#api.telemetry(measured).catch(() => {});
    const heard = Math.min(Math.round(play.meter.ms), play.grant.track.duration_ms * 2);
    this.dispatchEvent(new CustomEvent("finished", { detail: { track: this.track, heardMs: heard } }));
    if (!heard) return;
    this.#reports.add(
      {
        type: "track_played",
        event_id: newId(),
        play_id: play.grant.play_id,
        track_id: play.grant.track.id,
        started_at: play.startedAt.toISOString(),
        ms_played: heard,
        codec: "aac",
        kbps: play.meter.kbps,
        end_reason: reason,
        source: "web-player",
        bytes_fetched: this.#stream.bytes,
        rebuffers: play.stalls,
      },
      { leaving },
    );
  }

  /** What the service may want to know of this device and its line. */
  #circumstances(more = {}) {
    const network = navigator.connection?.type ?? navigator.connection?.effectiveType;
    const estimate = Math.round(this.#stream.facts().estimateBps);
    return { device_id: this.#device, ...(network ? { network } : {}), ...(estimate ? { estimate_bps: estimate } : {}), ...more };
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
