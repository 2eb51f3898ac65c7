// What the page's views are made of, as far as it needs no browser; run by node --test.

import assert from "node:assert/strict";
import { test } from "node:test";

const src = new URL("../../../clients/web/src/", import.meta.url);
globalThis.matchMedia = () => ({ matches: false });

const { ago } = await import(new URL("format.js", src));
const { History } = await import(new URL("history.js", src));
const { lineAt } = await import(new URL("lyrics.js", src));
const { Queue } = await import(new URL("queue.js", src));
const { placeOf } = await import(new URL("router.js", src));

const tracks = (...ids) => ids.map((id) => ({ id }));
const ids = (entries) => entries.map((it) => it.id).join("");

test("an address names a view, what it shows and how", () => {
  const { name, id, query } = placeOf("#/search/two%20w%C3%B6rds?type=track");
  assert.deepEqual([name, id, query.get("type")], ["search", "two wörds", "track"]);
  assert.equal(placeOf("").name, "");
  assert.equal(placeOf("#/search/100%").id, "100%");
});

test("what is added plays next, in the order it was added, and the list goes on after", async () => {
  const queue = new Queue();
  const first = queue.start(tracks("a", "b", "c"), 0, { title: "T" });
  queue.add({ id: "x" });
  queue.add({ id: "y" });
  assert.equal(ids(queue.upcoming), "xybc");
  const next = await queue.beside(first, 1);
  queue.take(next);
  assert.equal(next.id, "x");
  assert.equal((await queue.beside(next, -1)).id, "a");
  queue.move(queue.upcoming[0], 1);
  assert.equal(ids(queue.upcoming), "byc");
  queue.move(queue.upcoming[0], -1); // above it is what plays
  queue.remove(queue.upcoming[1]);
  queue.remove(queue.current);
  assert.equal(ids(queue.upcoming), "bc");
});

test("the same track twice is two places", async () => {
  const queue = new Queue();
  const first = queue.start(tracks("a", "a", "b"));
  const second = await queue.beside(first, 1);
  queue.take(second);
  assert.equal((await queue.beside(second, 1)).id, "b");
});

test("a radio fetches ahead, once for all who ask, and goes on as long as it gives something", async () => {
  let pages = 0;
  const queue = new Queue();
  const more = async () => tracks(`${++pages}x`, `${pages}y`);
  const first = queue.start(tracks("a"), 0, { more });
  const [one, other] = await Promise.all([queue.beside(first, 1), queue.beside(first, 1)]);
  assert.equal(one, other);
  assert.equal(pages, 1);
  assert.ok(queue.endless);
  let at = first;
  for (let n = 0; n < 50; n += 1) queue.take((at = await queue.beside(at, 1)));
  assert.ok(at);
});

test("after the list comes what follows from the plays, and nothing where there is nothing", async () => {
  const given = [tracks("n"), []];
  const queue = new Queue(async () => given.shift());
  const first = queue.start(tracks("a"));
  const next = await queue.beside(first, 1);
  assert.equal(next.id, "n");
  assert.equal(await queue.beside(next, 1), null);
});

test("what was asked for in an old list does not come into a new one", async () => {
  const queue = new Queue();
  let answer;
  const first = queue.start(tracks("a"), 0, { more: () => new Promise((resolve) => (answer = resolve)) });
  const asked = queue.beside(first, 1);
  queue.start(tracks("z"));
  answer(tracks("b"));
  await asked;
  assert.equal(ids(queue.upcoming), "");
  assert.equal(queue.current.id, "z");
});

test("what plays plays on when a station begins with it", () => {
  const queue = new Queue();
  const first = queue.start(tracks("a", "b"));
  queue.after(tracks("c", "d"), { title: "radio" });
  assert.equal(queue.current, first);
  assert.equal(ids(queue.upcoming), "cd");
});

const pick = async (queue, entry, count) => {
  const order = [entry];
  queue.take(entry);
  for (let n = 1; n < count; n += 1) {
    entry = await queue.beside(entry, 1, { ended: true });
    queue.take(entry);
    order.push(entry);
  }
  return ids(order);
};

test("a list that is shuffled begins with what was chosen, and has each of the others once", async () => {
  const queue = new Queue(async () => [], () => 0);
  queue.setShuffle(true);
  const first = queue.start(tracks("a", "b", "c", "d", "e"), 2);
  const order = await pick(queue, first, 5);
  assert.equal(order[0], "c");
  assert.equal([...order].sort().join(""), "abcde");
  assert.notEqual(order, "cabde");
  assert.equal(await queue.beside(queue.current, 1), null);
});

test("shuffle in the middle leaves what was heard and what was put in between; off again goes on in the list's order", async () => {
  const queue = new Queue(async () => [], () => 0);
  const first = queue.start(tracks("a", "b", "c", "d", "e"), 1);
  queue.take(first);
  queue.add({ id: "x" });
  queue.setShuffle(true);
  assert.equal(queue.current, first);
  const coming = ids(queue.upcoming);
  assert.equal(coming[0], "x");
  assert.equal([...coming.slice(1)].sort().join(""), "acde"); // "a" was passed over, not heard
  const x = await queue.beside(first, 1);
  queue.take(x);
  const next = await queue.beside(x, 1);
  queue.take(next);
  queue.setShuffle(false);
  assert.equal(queue.current, next);
  assert.equal(ids(queue.upcoming), "abcde".slice("abcde".indexOf(next.id) + 1));
  assert.equal((await queue.beside(next, -1)).id, "x");
});

test("a track that repeats comes again when it has ended, not when somebody wants the next", async () => {
  const queue = new Queue();
  const first = queue.start(tracks("a", "b"));
  queue.setRepeat("track");
  assert.equal(await queue.beside(first, 1, { ended: true }), first);
  assert.equal((await queue.beside(first, 1)).id, "b");
});

test("a list that repeats begins again at its end, in a new order when shuffled", async () => {
  const queue = new Queue(async () => tracks("n"), () => 0);
  const first = queue.start(tracks("a", "b", "c"));
  queue.setRepeat("context");
  queue.add({ id: "x" });
  assert.equal(await pick(queue, first, 8), "axbcabca");
  queue.setShuffle(true);
  const order = await pick(queue, await queue.beside(queue.current, 1), 5);
  assert.equal([...order.slice(2)].sort().join(""), "abc");
  queue.setRepeat("off");
  queue.setShuffle(false);
});

test("what ended a shuffled round does not begin the next, whatever chance says", async () => {
  for (const chance of [0, 0.34, 0.5, 0.67, 0.99]) {
    const queue = new Queue(async () => [], () => chance);
    queue.setShuffle(true);
    queue.setRepeat("context");
    const order = await pick(queue, queue.start(tracks("a", "b", "c")), 30);
    assert.doesNotMatch(order, /(.)\1/);
  }
});

test("a page that was asked for before the list was shuffled still comes", async () => {
  const queue = new Queue(async () => [], () => 0);
  let answer;
  const first = queue.start(tracks("a", "b"), 1, { more: () => new Promise((resolve) => (answer = resolve)) });
  queue.take(first);
  const asked = queue.beside(first, 1);
  queue.setShuffle(true);
  answer(tracks("c"));
  await asked;
  assert.equal([...ids(queue.upcoming)].sort().join(""), "ac");
});

test("a play that was left early is told as skipped", () => {
  const history = new History();
  const long = (id) => ({ id, duration_ms: 200_000 });
  history.add(long("a"), 180_000);
  history.add(long("b"), 5_000);
  history.add({ id: "c", duration_ms: 20_000 }, 12_000);
  assert.deepEqual(history.told(), ["c:completed", "b:skipped", "a:completed"]);
  assert.deepEqual(history.told({ id: "a" }), ["a:completed", "c:completed", "b:skipped"]);
  for (const id of "defgh") history.add(long(id), 60_000);
  assert.equal(history.told().length, 5);
});

test("the line that is sung is the last that has begun", () => {
  const lines = [0, 2000, 2000, 5000].map((start_ms) => ({ start_ms }));
  assert.deepEqual([-1, 0, 1999, 2000, 9000].map((ms) => lineAt(lines, ms)), [-1, 0, 0, 2, 3]);
  assert.equal(lineAt([{ start_ms: null }], 1000), -1);
});

test("how long ago reads as people say it", () => {
  const now = Date.parse("2026-05-04T12:00:00Z");
  const said = (instant) => ago(instant, now);
  assert.equal(said("2026-05-04T11:59:30Z"), "just now");
  assert.equal(said("2026-05-04T12:00:09Z"), "just now"); // clocks differ
  assert.equal(said("2026-05-04T11:15:00Z"), "45 min ago");
  assert.equal(said("2026-05-04T02:00:00Z"), "10 h ago");
  assert.equal(said("2026-05-03T02:00:00Z"), "yesterday");
  assert.equal(said("2026-05-01T02:00:00Z"), "3 days ago");
});
