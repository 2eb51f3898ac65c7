// The page's pure modules, run by node --test.

import assert from "node:assert/strict";
import { test } from "node:test";

const src = new URL("../../../clients/web/src/", import.meta.url);
globalThis.location = { origin: "https://h", hash: "", pathname: "/", search: "" };
globalThis.matchMedia = () => ({ addEventListener() {} });

const { clock, decibels, hueOf, speed } = await import(new URL("format.js", src));
const { Grants, prefixOf, signed } = await import(new URL("grants.js", src));
const { trackGain } = await import(new URL("loudness.js", src));
const { Meter } = await import(new URL("meter.js", src));
const { newId, Reports } = await import(new URL("reports.js", src));
const { adoptToken } = await import(new URL("session.js", src));
const { bars, peaksOf } = await import(new URL("waveform.js", src));
const { coverUrl } = await import(new URL("covers.js", src));
const { isDenial, nominalKbps } = await import(new URL("stream.js", src));
const { wordsFor } = await import(new URL("messages.js", src));

class Storage {
  #items = new Map();
  getItem = (key) => this.#items.get(key) ?? null;
  setItem = (key, value) => this.#items.set(key, value);
  removeItem = (key) => this.#items.delete(key);
}

const signature = (prefix) => `URLPrefix=${Buffer.from(prefix).toString("base64url")}&Expires=1&KeyName=k&Signature=s`;

test("numbers read as people read them", () => {
  assert.equal(clock(75.9), "1:15");
  assert.equal(clock(3723), "1:02:03");
  assert.equal(clock(NaN), "0:00");
  assert.equal(speed(8_123_456), "8.1 Mbit/s");
  assert.deepEqual([-3.21, 0, 0.04, 2].map(decibels), ["−3.2 dB", "0.0 dB", "0.0 dB", "+2.0 dB"]);
  assert.equal(speed(96_400), "96 kbit/s");
  assert.ok(hueOf("Ørsted") >= 0 && hueOf("Ørsted") < 360);
});

test("token leaves the address bar and stays in the tab", () => {
  const storage = new Storage();
  const shown = [];
  const history = { replaceState: (_s, _t, url) => shown.push(url) };
  const location = { hash: "#token=a.b_c-d", pathname: "/", search: "?x=1" };
  assert.equal(adoptToken(location, history, storage), "a.b_c-d");
  assert.deepEqual(shown, ["/?x=1"]);
  assert.equal(adoptToken({ hash: "", pathname: "/", search: "" }, history, storage), "a.b_c-d");
});

test("signature replaces what an address had", () => {
  assert.equal(signed("https://h/a.mp4?old=1#x", "new=2"), "https://h/a.mp4?new=2");
  assert.equal(prefixOf(signature("https://h/audio/ü/")), Buffer.from("https://h/audio/ü/").toString("latin1"));
});

test("only addresses under a grant's prefix are signed", async () => {
  const api = { play: async () => ({ signature: signature("https://h/audio/x/"), valid_for_s: 3600 }) };
  const grants = new Grants(api);
  await grants.ask("x");
  assert.match((await grants.sign("https://h/audio/x/base/a.mp4"))[0], /Signature=s$/);
  assert.equal(await grants.sign("https://h/audio/y/a.mp4"), null);
  grants.drop("x");
  assert.equal(await grants.sign("https://h/audio/x/base/a.mp4"), null);
});

test("grant is renewed before it ends, once for all who ask, and the play stays", async () => {
  let plays = 0;
  let now = 0;
  const api = {
    play: async () => {
      plays += 1;
      return { play_id: `p${plays}`, signature: `${signature("https://h/audio/x/")}${plays}`, valid_for_s: 60 };
    },
  };
  const grants = new Grants(api, () => now, () => now);
  const grant = await grants.ask("x");
  now = 31_000;
  const [one, two] = await Promise.all([grants.sign("https://h/audio/x/1"), grants.sign("https://h/audio/x/2")]);
  assert.equal(plays, 2);
  assert.match(one[0], /s2$/);
  assert.match(two[0], /s2$/);
  assert.equal(grant.play_id, "p1");
});

test("a player that was paused renews before it fetches, whichever of its clocks stood still or was set back", async () => {
  for (const [wall, steady] of [[0, 600_000], [600_000, 0], [-86_400_000, 600_000]]) {
    const asked = [];
    const at = { wall: 0, steady: 0 };
    const api = { play: async (id, more) => (asked.push(more), { signature: signature("https://h/audio/x/"), valid_for_s: 120 }) };
    const grants = new Grants(api, () => 1e12 + at.wall, () => at.steady);
    await grants.ask("x", { take_over: true });
    Object.assign(at, { wall, steady });
    await grants.sign("https://h/audio/x/1");
    assert.deepEqual(asked, [{ take_over: true, renews: true }, { take_over: false, skip: false, renews: true }]);
  }
});

test("a renewal that is denied or fails ends nothing before its time, and then says why", async () => {
  const why = Object.assign(new Error("no"), { status: 403, reason: "NOT_LICENSED", decision: "NO_LICENCE" });
  let now = 0;
  let asked = 0;
  let broken = null;
  const api = {
    play: async (id) => {
      asked += 1;
      if (broken && id === "x") throw broken;
      return { signature: signature(`https://h/audio/${id}/`), valid_for_s: 120 };
    },
  };
  const grants = new Grants(api, () => now, () => now);
  await grants.ask("x");
  await grants.ask("y");
  broken = why;
  now = 91_000; // taken down meanwhile, found out at the renewal
  assert.equal((await grants.sign("https://h/audio/x/1")).length, 1);
  now = 93_000;
  await grants.sign("https://h/audio/x/1");
  assert.equal(asked, 3); // not for each segment
  now = 117_000;
  await grants.sign("https://h/audio/x/1");
  now = 120_000; // its end, though the last attempt was a moment ago
  await assert.rejects(grants.sign("https://h/audio/x/1"), why);
  assert.equal((await grants.sign("https://h/audio/y/1")).length, 1); // another track goes on
  broken = null;
  assert.equal((await grants.sign("https://h/audio/x/1")).length, 1); // it is back
});

test("only an answer that stays is a denial", () => {
  assert.ok(isDenial({ status: 403, decision: "NO_LICENCE" }));
  assert.ok(isDenial({ status: 404 }));
  for (const passing of [{ status: 0 }, { status: 429 }, { status: 503 }, { status: 403, decision: "RIGHTS_UNAVAILABLE" }, undefined]) {
    assert.equal(isDenial(passing), false);
  }
});

test("an address is tried at every edge, and one that failed goes last for good", async () => {
  const edges = ["eu", "us"].map((name) => ({ name, signature: signature(`https://${name}/audio/x/`) }));
  const api = { play: async () => ({ signature: edges[0].signature, edges, valid_for_s: 3600 }) };
  const grants = new Grants(api);
  const grant = await grants.ask("x");
  const hosts = async () => (await grants.sign("https://us/audio/x/1?old")).map((url) => new URL(url).host);
  assert.deepEqual(await hosts(), ["eu", "us"]);
  grants.tell("https://eu/audio/x/1", { failed: true });
  assert.deepEqual(await hosts(), ["us", "eu"]);
  await grants.renew(grant);
  assert.deepEqual(await hosts(), ["us", "eu"]);
  grants.tell("https://us/audio/x/1?s", { bytes: 10, ms: 3.4 });
  assert.deepEqual(grants.measured(), [
    { edge: "eu", requests: 1, errors: 1, bytes: 0, ms: 0 },
    { edge: "us", requests: 1, errors: 0, bytes: 10, ms: 3 },
  ]);
  assert.deepEqual(grants.measured(), []);
});

test("gain lowers freely but raises only to the peak's room", () => {
  assert.equal(trackGain({ gain_db: -6 }).toFixed(3), "0.501");
  assert.equal(trackGain({ gain_db: 12, true_peak_dbtp: -4 }).toFixed(3), (10 ** (3 / 20)).toFixed(3));
  assert.equal(trackGain({ gain_db: 5, true_peak_dbtp: 0.5 }), 1);
  assert.equal(trackGain({ gain_db: null }), 1);
});

test("meter counts what was heard, not what was skipped", () => {
  const meter = new Meter();
  for (const second of [10, 10.25, 10.5]) meter.tick(second, 96);
  meter.jump();
  for (const second of [60, 61, 62]) meter.tick(second, 160);
  meter.tick(100, 160); // a seek whose event never came
  meter.tick(20, 160);
  assert.equal(meter.ms, 2500);
  assert.equal(meter.kbps, 160);
});

test("ids are 22 base-62 digits", () => {
  assert.match(newId(), /^[0-9A-Za-z]{22}$/);
  assert.equal(newId((bytes) => bytes.fill(0)), "0".repeat(22));
  assert.equal(newId((bytes) => bytes.fill(255)), "7n42DGM5Tflk9n8mt7Fhc7");
});

test("report that failed is sent again under its id, with the next", async () => {
  const sent = [];
  let fails = 1;
  const api = {
    events: async (events) => {
      sent.push(events.map((event) => event.event_id));
      if (fails-- > 0) throw Object.assign(new Error("no"), { status: 0 });
    },
  };
  const storage = new Storage();
  await new Reports(api, storage).add({ event_id: "a" });
  const reports = new Reports(api, storage); // the page was loaded anew
  await reports.add({ event_id: "b" });
  await reports.flush();
  assert.deepEqual(sent, [["a"], ["a", "b"]]);
});

test("report refused for good is not kept", async () => {
  let calls = 0;
  const api = { events: async () => { calls += 1; throw Object.assign(new Error("bad"), { status: 400 }); } };
  const reports = new Reports(api, new Storage());
  await reports.add({ event_id: "a" });
  await reports.flush();
  assert.equal(calls, 1);
});

test("waveform is the loudest of each pair, scaled", () => {
  assert.deepEqual(peaksOf({ version: 2, channels: 1, data: [-63, 20, -10, 126] }), [0.5, 1]);
  assert.deepEqual(peaksOf({ channels: 2, data: [-1, 1, -2, 2, -4, 4, 0, 0] }), [0.5, 1]);
  for (const broken of [null, {}, { data: "x" }, { data: [], channels: 0 }]) assert.deepEqual(peaksOf(broken), []);
  assert.deepEqual(bars([0.1, 0.9, 0.2, 0.3], 2), [0.9, 0.3]);
  assert.deepEqual(bars([1], 3), [1, 1, 1]);
});

test("cover is the smallest that is big enough, and only http", () => {
  const images = [{ url: "/images/a-640.jpg", width: 640 }, { url: "/images/a-64.jpg", width: 64 }];
  assert.equal(coverUrl({ album: { images } }, 64), "https://h/images/a-64.jpg");
  assert.equal(coverUrl({ album: { images } }, 128), "https://h/images/a-640.jpg");
  assert.equal(coverUrl({ album: { images: [{ url: "javascript:alert(1)" }] } }, 64), null);
  assert.equal(coverUrl({}, 64), null);
});

test("bit rate shown is the ladder's nominal one", () => {
  const renditions = [24, 96, 320].map((kbps) => ({ codec: "aac", kbps, bandwidth_bps: kbps * 1040 }));
  renditions.push({ codec: "mp3", kbps: 128, bandwidth_bps: 128_000 });
  assert.equal(nominalKbps({ renditions }, 99_000), 96);
  assert.equal(nominalKbps({ renditions }, 128_000), 96);
});

test("errors have words", () => {
  assert.match(wordsFor({ status: 403, reason: "NOT_LICENSED", decision: "TERRITORY" }), /where you are/);
  assert.match(wordsFor({ status: 403, reason: "NOT_LICENSED" }), /not licensed/);
  assert.match(wordsFor({ status: 401 }), /expired.*Sign in/);
  assert.match(wordsFor(new TypeError("x")), /Try again/);
});

// Live channels and listening together.

const { Position, Live } = await import(new URL("live.js", src));
const { ServerClock } = await import(new URL("clock.js", src));
const { Servo, positionAt } = await import(new URL("servo.js", src));
const { applied, movedBy } = await import(new URL("listing.js", src));

test("a channel is heard number by number, and asked for again after a gap", () => {
  const at = new Position("playlist:p");
  assert.deepEqual(at.request(), { op: "sub", ch: "playlist:p", presence: false });
  const pub = (seq, epoch = "e") => ({ op: "pub", epoch, seq, payload: seq });
  assert.deepEqual(at.take(pub(1)), [[], false]);
  const [[reset]] = at.take({ op: "sub", recovered: false, epoch: "e", tail: 3, snapshot: { a: 1 } });
  assert.deepEqual(reset, { kind: "reset", tail: 3, snapshot: { a: 1 } });
  assert.deepEqual(at.take(pub(3)), [[], false]);
  assert.deepEqual(at.take(pub(4)), [[{ kind: "published", seq: 4, payload: 4 }], false]);
  assert.deepEqual(at.take(pub(6)), [[], true]);
  assert.deepEqual(at.request().since, 4);
  const answer = { op: "sub", recovered: true, epoch: "e", pubs: [pub(4), pub(5), pub(6)] };
  assert.deepEqual(at.take(answer)[0].map((it) => it.seq), [5, 6]);
  assert.deepEqual(at.take(pub(7, "other")), [[], true]);
  assert.deepEqual(at.take({ op: "revoked", code: "NOT_A_MEMBER" }), [[{ kind: "ended", code: "NOT_A_MEMBER" }], false]);
  assert.deepEqual(at.take({ op: "error", code: "UNAVAILABLE" }), [[], true]);
});

test("a connection that breaks comes back and goes on where it was", async () => {
  globalThis.location.href = "https://h/";
  const sockets = [];
  class Socket extends EventTarget {
    readyState = 1;
    sent = [];
    constructor(url) {
      super();
      this.url = url;
      sockets.push(this);
    }
    send = (text) => this.sent.push(JSON.parse(text));
    close = () => this.dispatchEvent(new Event("close"));
    say = (frame) => this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(frame) }));
  }
  const live = new Live(async () => "token", (url) => new Socket(url));
  const heard = [];
  const leave = live.subscribe("playlist:p", (change) => heard.push(change.seq ?? change.kind));
  await new Promise((done) => setTimeout(done, 5));
  const [first] = sockets;
  assert.equal(first.url, "wss://h/live");
  first.dispatchEvent(new Event("open"));
  assert.deepEqual(first.sent[0], { op: "auth", token: "token" });
  first.say({ op: "ready" });
  first.say({ op: "sub", ch: "playlist:p", recovered: false, epoch: "e", tail: 1, snapshot: {} });
  first.say({ op: "pub", ch: "playlist:p", epoch: "e", seq: 2, payload: {} });
  first.close();
  while (sockets.length < 2) await new Promise((done) => setTimeout(done, 20));
  sockets[1].say({ op: "ready" });
  const again = sockets[1].sent.find((it) => it.op === "sub");
  assert.deepEqual([again.epoch, again.since], ["e", 2]);
  sockets[1].say({ op: "sub", ch: "playlist:p", recovered: true, epoch: "e", tail: 3, pubs: [{ seq: 3, payload: {} }] });
  assert.deepEqual(heard, ["reset", 2, 3]);
  leave();
  live.close();
});

test("clock and servo do as the SDK's", () => {
  const clock = new ServerClock();
  for (const [sent, up, down] of [[0, 5, 5], [2000, 50, 5], [4000, 6, 6]]) clock.pong(sent, sent + up + 1000, sent + up + down);
  clock.pong(0, 1, 9000);
  assert.equal(clock.samples.length, 3);
  assert.ok(Math.abs(clock.ahead - 1000) < 0.001);
  const servo = new Servo();
  assert.equal(servo.correct(1000, 995).rate, 1.005);
  assert.equal(servo.correct(1000, 1010).rate, 1);
  assert.equal(servo.correct(1000, 1010).rate, 0.995);
  const fresh = new Servo();
  assert.equal(fresh.correct(10_000, 0).seek, 10_030);
  assert.equal(fresh.correct(10_070, 10_030).seek, 10_140);
  assert.equal(fresh.correct(10_140, 10_140).seek, null);
  assert.equal(positionAt({ pos: 500, at: 10_000, playing: true }, 10_250), 750);
  assert.equal(positionAt({ pos: 500, at: 10_000, playing: true }, 9_000), 500);
});

test("ops of a playlist's log name items, not places", () => {
  const item = (id) => ({ id, uri: `u:${id}` });
  let list = { name: "n", items: ["a", "b", "c"].map(item) };
  const ids = () => list.items.map((it) => it.id).join("");
  const apply = (op) => (list = applied(list, op));
  apply({ op: "add", items: [item("d")], place: { where: "after", item: "a" }, by: "ann" });
  assert.equal(ids(), "adbc");
  assert.equal(list.items[1].by, "ann");
  apply({ op: "move", ids: ["c", "a"], place: { where: "before", item: "d" } });
  assert.equal(ids(), "cadb");
  apply({ op: "remove", ids: ["a", "gone"] });
  apply({ op: "add", items: [item("e")] });
  assert.equal(ids(), "cdbe");
  apply({ op: "undo", of: 3, ops: [{ op: "move", ids: ["e"], place: { where: "first" } }], by: "ann" });
  assert.equal(ids(), "ecdb");
  apply({ op: "redo", of: 9, ops: [{ op: "move", ids: ["e"] }] });
  apply({ op: "set", name: "other", by: "ann", at: 1 });
  assert.deepEqual([list.name, list.by], ["other", undefined]);
  assert.deepEqual(movedBy(list.items, 1, -1), { op: "move", ids: ["d"], place: { where: "before", item: "c" } });
  assert.equal(movedBy(list.items, 3, 1), null);
});
