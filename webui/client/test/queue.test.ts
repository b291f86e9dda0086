import assert from "node:assert/strict";
import test from "node:test";
import { answered, newStream, nextPost, queued, waiting, type Item, type Queue } from "../src/sync/queue";

const DAY = 24 * 3_600_000;
let numbers = 0;
const uuid = () => `u-${(numbers += 1)}`;
const empty = (): Queue => ({ stream: newStream("ac-1", uuid), items: [] });

function item(at: number): Omit<Item, "seq"> {
  const reading = { kind: "typed" as const, at, record: uuid(), spo2_percent: 96 };
  return { person: "p-1", device: "ph:x", readings: [reading], shown: [], rules: "r", queued_ms: at };
}

function filled(count: number): Queue {
  let queue = empty();
  for (let at = 1; at <= count; at += 1) queue = queued(queue, item(at));
  return queue;
}

const sequence = (items: { seq: number }[]) => items.map((one) => one.seq);

test("numbers are contiguous from one", () => {
  assert.deepEqual(sequence(filled(3).items), [1, 2, 3]);
});

test("an empty queue sends nothing", () => {
  assert.equal(nextPost(empty(), 0), undefined);
});

test("a post says whose queue it is", () => {
  assert.equal(nextPost(filled(1), 9)?.account, "ac-1");
});

test("a post holds the oldest that wait, twenty at most", () => {
  assert.deepEqual(sequence(nextPost(filled(3), 9)?.batches ?? []), [1, 2, 3]);
  assert.deepEqual(sequence(nextPost(filled(25), 9)?.batches ?? []), Array.from({ length: 20 }, (_, i) => i + 1));
});

test("a post carries nothing but what the server reads", () => {
  const [first] = nextPost(filled(1), 9)?.batches ?? [];
  assert.deepEqual(Object.keys(first ?? {}).sort(), ["device", "person", "readings", "rules", "seq", "shown"]);
});

test("what is acknowledged waits no more, and is kept a week", () => {
  const after = answered(filled(3), { acked: 2 }, 100, uuid);
  assert.deepEqual(sequence(waiting(after.items)), [3]);
  assert.deepEqual(sequence(after.items), [1, 2, 3]);
  const week = answered(after, { acked: 3 }, 100 + 7 * DAY, uuid);
  assert.deepEqual(sequence(week.items), [1, 2, 3]);
  assert.deepEqual(sequence(answered(week, { acked: 3 }, 101 + 7 * DAY, uuid).items), [3]);
});

test("what is not acknowledged is kept however old it is", () => {
  assert.deepEqual(sequence(answered(filled(2), { acked: 0 }, 99 * DAY, uuid).items), [1, 2]);
});

test("a server that lost what it had is sent it again", () => {
  const done = answered(filled(4), { acked: 4 }, 100, uuid);
  assert.equal(nextPost(done, 0), undefined);
  const restored = answered(done, { acked: 1 }, 200, uuid);
  assert.deepEqual(sequence(nextPost(restored, 0)?.batches ?? []), [2, 3, 4]);
});

test("where the phone itself has no more what the server lacks, a new stream begins", () => {
  const done = answered(filled(4), { acked: 3 }, 100, uuid);
  const left = answered(done, { acked: 3 }, 101 + 7 * DAY, uuid);
  assert.deepEqual(sequence(left.items), [4]);
  const anew = answered(left, { acked: 0 }, 102 + 7 * DAY, uuid);
  assert.notEqual(anew.stream.epoch, left.stream.epoch);
  assert.deepEqual(sequence(nextPost(anew, 0)?.batches ?? []), [1]);
  assert.equal(anew.stream.next, 2);
  assert.equal(anew.stream.phone, left.stream.phone);
});

test("a new stream does not begin where the queue is only empty", () => {
  const queue = empty();
  assert.equal(answered(queue, { acked: 0 }, 0, uuid).stream.epoch, queue.stream.epoch);
});

test("what was refused says why, and waits no more", () => {
  const refused = [{ seq: 1, part: "batch", reason: "may not" }];
  const after = answered(filled(2), { acked: 2, refused }, 1, uuid);
  assert.equal(after.items[0]?.refused, "may not");
  assert.equal(after.items[1]?.refused, undefined);
  assert.deepEqual(waiting(after.items), []);
});

test("random cuts lose and double nothing, over a thousand of them", () => {
  let seed = 20261124;
  const chance = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  let queue = empty();
  const server = new Map<string, string[]>();
  let made = 0;
  for (let round = 0; round < 1000; round += 1) {
    if (chance() < 0.4) queue = queued(queue, item((made += 1)));
    const post = nextPost(queue, round);
    if (post === undefined) continue;
    const held = server.get(post.epoch) ?? [];
    if (chance() < 0.2) continue; // never arrived
    for (const batch of post.batches)
      if (batch.seq === held.length + 1) held.push(batch.readings[0]?.record ?? "");
    server.set(post.epoch, held);
    if (chance() < 0.3) continue; // the answer was lost
    queue = answered(queue, { acked: held.length }, round, uuid);
  }
  for (let post = nextPost(queue, 0); post !== undefined; post = nextPost(queue, 0)) {
    const held = server.get(post.epoch) ?? [];
    for (const batch of post.batches)
      if (batch.seq === held.length + 1) held.push(batch.readings[0]?.record ?? "");
    server.set(post.epoch, held);
    queue = answered(queue, { acked: held.length }, 0, uuid);
  }
  const stored = [...server.values()].flat();
  assert.equal(stored.length, made);
  assert.equal(new Set(stored).size, made);
});
