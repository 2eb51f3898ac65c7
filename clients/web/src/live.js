// Live channels: one connection that is kept, and of each channel every number exactly once.
//
// Connections break, gateways go, messages are lost: what a subscriber gets is the run of numbers without a hole,
// or the state where that cannot be had. The rules are those of clients/python/segue/live.py.

import { ServerClock } from "./clock.js";

const BACKOFF_MS = [200, 10_000];
const SILENT_MS = 45_000;
const AGAIN = new Set(["UNAVAILABLE", "INTERNAL", "TOO_MANY_REQUESTS"]);

/** How far one channel has been heard: frames in, changes out. */
export class Position {
  #settled = false;

  constructor(channel, presence = false) {
    Object.assign(this, { channel, presence, epoch: null, since: null });
  }

  request() {
    this.#settled = false;
    const known = this.epoch === null ? {} : { epoch: this.epoch, since: this.since };
    return { op: "sub", ch: this.channel, presence: this.presence, ...known };
  }

  /** [changes for the subscriber, whether to subscribe anew]. */
  take(frame) {
    switch (frame.op) {
      case "sub":
        this.#settled = true;
        return [frame.recovered ? frame.pubs.flatMap((pub) => this.#next(pub)) : [this.#reset(frame)], false];
      case "reset":
        this.#settled = true;
        return [[this.#reset(frame)], false];
      case "pub":
        if (!this.#settled) return [[], false];
        if (frame.epoch !== this.epoch || frame.seq > this.since + 1) return [[], true];
        return [this.#next(frame), false];
      case "say":
        return [[{ kind: "said", payload: frame.payload }], false];
      case "presence":
        return [[{ kind: "present", users: frame.users }], false];
      case "revoked":
        return [[{ kind: "ended", code: frame.code }], false];
      case "error": {
        const again = AGAIN.has(frame.code);
        return [again ? [] : [{ kind: "ended", code: frame.code }], again];
      }
    }
    return [[], false];
  }

  #next(pub) {
    if (pub.seq !== this.since + 1) return [];
    this.since = pub.seq;
    return [{ kind: "published", seq: pub.seq, payload: pub.payload }];
  }

  #reset(frame) {
    this.epoch = frame.epoch;
    this.since = frame.tail;
    return { kind: "reset", tail: frame.tail, snapshot: frame.snapshot };
  }
}

/** `token()` gives an access token, or null when the sign-in is over. Tells of "change" of `connected`. */
export class Live extends EventTarget {
  #token;
  #make;
  #socket = null;
  #subscribers = new Map();
  #failures = 0;
  #timers = new Set();
  #pings = 0;
  #heardAt = 0;
  connected = false;
  clock = new ServerClock();

  constructor(token, make = (url) => new WebSocket(url)) {
    super();
    this.#token = token;
    this.#make = make;
  }

  /** Hear a channel; `hear(change)` until the function that this gives is called. */
  subscribe(channel, hear) {
    const subscriber = { position: new Position(channel), hear };
    this.#subscribers.set(channel, subscriber);
    if (this.connected) this.#send(subscriber.position.request());
    else if (!this.#socket) this.#connect();
    return () => {
      if (this.#subscribers.get(channel) !== subscriber) return;
      this.#subscribers.delete(channel);
      this.#send({ op: "unsub", ch: channel });
      if (!this.#subscribers.size) this.close();
    };
  }

  /** Let others on the channel see that one is there, and see them. */
  appear(channel) {
    const position = this.#subscribers.get(channel)?.position;
    if (!position || position.presence) return;
    position.presence = true;
    if (this.connected) this.#send(position.request());
  }

  /** The server's time now. */
  get serverMs() {
    return this.clock.serverMs(performance.now());
  }

  close() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
    this.#tell(false);
  }

  async #connect() {
    const token = await this.#token().catch(() => undefined);
    if (token === null || !this.#subscribers.size || this.#socket) return;
    if (token === undefined) return this.#later(() => this.#connect(), this.#pause());
    const url = new URL("/live", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = (this.#socket = this.#make(url.href));
    socket.addEventListener("open", () => socket.send(JSON.stringify({ op: "auth", token })));
    socket.addEventListener("message", (event) => socket === this.#socket && this.#take(JSON.parse(event.data)));
    socket.addEventListener("close", () => socket === this.#socket && this.#lost());
  }

  #lost() {
    this.#socket = null;
    this.#tell(false);
    if (this.#subscribers.size) this.#later(() => this.#connect(), this.#pause());
  }

  /** Full jitter: those that a gateway left together come back apart. */
  #pause() {
    return Math.random() * Math.min(BACKOFF_MS[1], BACKOFF_MS[0] * 2 ** this.#failures++);
  }

  #take(frame) {
    this.#heardAt = performance.now();
    switch (frame.op) {
      case "ready":
        this.#failures = 0;
        for (const { position } of this.#subscribers.values()) this.#send(position.request());
        this.#tell(true);
        this.#pings = 0;
        return this.#ping();
      case "pong":
        return this.clock.pong(frame.t, frame.s, performance.now());
      case "reconnect":
        return this.#later(() => this.#socket?.close(1000), frame.after_ms);
    }
    const subscriber = this.#subscribers.get(frame.ch);
    if (!subscriber) return undefined;
    const [changes, again] = subscriber.position.take(frame);
    if (again) this.#later(() => this.#send(subscriber.position.request()), frame.op === "error" ? 200 + Math.random() * 800 : 0);
    for (const change of changes) {
      if (change.kind === "ended") this.#subscribers.delete(frame.ch);
      subscriber.hear(change);
    }
    return undefined;
  }

  /** Compare clocks, which also shows whether anybody is there. */
  #ping() {
    const socket = this.#socket;
    if (!this.connected || !socket) return;
    if (performance.now() - this.#heardAt > SILENT_MS) return socket.close();
    this.#send({ op: "ping", t: performance.now() });
    this.#later(() => socket === this.#socket && this.#ping(), this.clock.waitMs(++this.#pings));
  }

  #send(frame) {
    if (this.connected || frame.op === "sub") {
      if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
    }
  }

  #later(work, ms) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }

  #tell(connected) {
    if (this.connected === connected) return;
    this.connected = connected;
    this.dispatchEvent(new Event("change"));
  }
}
