// A page among a listener's devices: what it says of itself, and what it does when told.

import assert from "node:assert/strict";
import { test } from "node:test";

const src = new URL("../../../clients/web/src/", import.meta.url);
globalThis.addEventListener = () => {};
const { Connect, deviceId, nameOf } = await import(new URL("connect.js", src));
const { Queue } = await import(new URL("queue.js", src));

const uri = (id) => `spotify:track:${id}`;

/** A page that plays nothing yet; `said` is what it told the service, `hear` what the service tells it. */
async function page() {
  const said = [];
  let hear;
  const player = Object.assign(new EventTarget(), {
    track: null,
    playing: false,
    busy: false,
    positionS: 0,
    choose: async (entry, { atS = 0 } = {}) => Object.assign(player, { track: entry, playing: true, positionS: atS }),
    pause: () => (player.playing = false),
    toggle: async () => (player.playing = !player.playing),
    seek: (seconds) => (player.positionS = seconds),
  });
  const api = {
    addDevice: async () => {},
    playOn: async (id, uris, at) => said.push(["play", uris.join(" "), at]),
    pauseOn: async () => said.push(["pause"]),
    playerQueue: async () => ({ queue: [{ id: "next" }] }),
  };
  const queued = new Queue();
  const connect = new Connect({ api, player, queued, inSession: () => false }, "me");
  await connect.begin({ subscribe: (_, listener) => (hear = listener) }, "ada", nameOf("", false));
  const change = (state) => hear({ kind: "published", payload: { player: state } });
  const does = (more) => {
    Object.assign(player, more);
    player.dispatchEvent(new Event("change"));
  };
  return { said, player, queued, connect, change, does };
}

const state = (device, id, playing, ms = 0) => ({
  device: { id: device, name: device },
  item: { id },
  is_playing: playing,
  progress_ms: ms,
  timestamp: Date.now(),
});
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a device is called what people call it, and keeps its id", () => {
  assert.deepEqual(nameOf("Mozilla/5.0 (X11; Linux x86_64) Chrome/140 Safari/537", false), { name: "Chrome on Linux", type: "Computer" });
  assert.deepEqual(nameOf("Mozilla/5.0 (iPhone) Version/18 Safari/604", true), { name: "Safari on iPhone", type: "Smartphone" });
  assert.equal(nameOf("?", false).name, "A browser");
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  assert.equal(deviceId(storage, () => "one"), "one");
  assert.equal(deviceId(storage, () => "two"), "one");
});

test("what plays is told once it has settled, with what comes next; its echo changes nothing", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { said, player, queued, change, does } = await page();
  const entry = queued.start([{ id: "a" }, { id: "b" }]);
  for (let n = 0; n < 5; n += 1) {
    does({ track: entry, playing: true, positionS: n / 4 });
    t.mock.timers.tick(100); // the position moves all the while
  }
  await settled();
  assert.deepEqual(said, [["play", `${uri("a")} ${uri("b")}`, 500]]);
  change(state("me", "a", true, 500));
  t.mock.timers.tick(5_000);
  assert.equal(player.track, entry);
  assert.ok(player.playing);
  assert.equal(said.length, 1);
});

test("what was said of the track before does not bring it back", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { player, queued, change, does } = await page();
  const [one, other] = [queued.start([{ id: "a" }, { id: "b" }]), queued.upcoming[0]];
  does({ track: one, playing: true });
  t.mock.timers.tick(300);
  await settled();
  change(state("me", "a", true));
  does({ track: other, busy: true }); // on its way, and not yet said
  t.mock.timers.tick(5_000);
  await settled();
  assert.equal(player.track, other);
});

test("another device that plays silences this one, and is not told to pause", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { said, player, queued, connect, change, does } = await page();
  does({ track: queued.start([{ id: "a" }]), playing: true });
  t.mock.timers.tick(1_000);
  await settled();
  change(state("phone", "a", true));
  assert.ok(!player.playing);
  assert.equal(connect.elsewhere.name, "phone");
  does({});
  t.mock.timers.tick(1_000);
  await settled();
  assert.equal(said.length, 1);
});

test("told to go on, it goes on from there, with what came next", async () => {
  const { player, queued, connect, change } = await page();
  change(state("phone", "x", true));
  change(state("me", "x", true, 30_000));
  await settled();
  assert.equal(player.track.id, "x");
  assert.ok(player.positionS >= 30 && player.positionS < 40);
  assert.deepEqual(queued.upcoming.map((it) => it.id), ["next"]);
  assert.equal(connect.elsewhere, null);
});

test("told to pause by another device, it pauses; of what never played here it makes nothing", async () => {
  const { player, change } = await page();
  change(state("me", "x", false));
  await settled();
  assert.equal(player.track, null);
  change(state("me", "x", true));
  await settled();
  change(state("me", "x", false));
  await settled();
  assert.ok(!player.playing);
  change(null);
});
