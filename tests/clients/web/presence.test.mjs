// What friends learn of one's playing: told until it is heard, and never what is hidden.

import assert from "node:assert/strict";
import { test } from "node:test";

const src = new URL("../../../clients/web/src/", import.meta.url);
const { Privacy, tellNowPlaying } = await import(new URL("presence.js", src));

class Player extends EventTarget {
  track = null;
  playing = false;
  busy = false;
  become(id, playing, busy = false) {
    Object.assign(this, { track: { id }, playing, busy });
    this.dispatchEvent(new Event("change"));
  }
}

class Api {
  told = [];
  failing = 0;
  answers = [];
  nowPlaying = async (id, playing) => {
    this.told.push(`${id} ${playing}`);
    if (this.failing-- > 0) throw new Error("no answer");
  };
  privacy = () => new Promise((answer) => this.answers.push(answer));
  setPrivacy = async (it) => it;
}

const settle = () => new Promise((done) => setImmediate(done));

function begin(t) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const player = new Player();
  const api = new Api();
  const privacy = Object.assign(new EventTarget(), { hidden: false });
  tellNowPlaying(player, api, privacy);
  const pass = async (ms) => {
    t.mock.timers.tick(ms);
    await settle();
  };
  return { player, api, privacy, pass };
}

test("what is played is told once it has settled, and once", async (t) => {
  const { player, api, pass } = begin(t);
  player.become("a", false, true);
  player.become("a", true);
  player.become("b", true);
  player.become("b", true);
  await pass(400);
  await pass(60_000);
  assert.deepEqual(api.told, ["b true"]);
  player.become("b", false);
  await pass(400);
  assert.deepEqual(api.told, ["b true", "b false"]);
});

test("what could not be told is told again, and given up in the end", async (t) => {
  const { player, api, pass } = begin(t);
  player.become("a", true);
  await pass(400);
  api.failing = 2;
  player.become("b", true);
  await pass(400);
  await pass(2_000);
  await pass(4_000);
  await pass(600_000);
  assert.deepEqual(api.told, ["a true", "b true", "b true", "b true"]);
  api.failing = Infinity;
  api.told.length = 0;
  player.become("c", true);
  await pass(400);
  for (let time = 0; time < 20; time += 1) await pass(60_000);
  assert.deepEqual(api.told, Array(5).fill("c true"));
});

test("a failure that is overtaken is not made good", async (t) => {
  const { player, api, pass } = begin(t);
  api.failing = 1;
  player.become("a", true);
  await pass(400);
  player.become("b", true);
  await pass(400);
  await pass(60_000);
  assert.deepEqual(api.told, ["a true", "b true"]);
});

test("nothing is told of a private session", async (t) => {
  const { player, api, privacy, pass } = begin(t);
  privacy.hidden = true;
  player.become("a", true);
  await pass(400);
  assert.deepEqual(api.told, []);
  privacy.hidden = false;
  privacy.dispatchEvent(new Event("change"));
  await pass(400);
  assert.deepEqual(api.told, ["a true"]);
});

test("an answer from before a change does not undo it", async () => {
  const api = new Api();
  const privacy = new Privacy(api);
  const loading = privacy.load();
  await privacy.set({ private_session: true });
  api.answers[0]({ private_session: false });
  assert.deepEqual(await loading, { private_session: true });
  assert.deepEqual(privacy.known, { private_session: true });
});
