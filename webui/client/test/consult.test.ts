// The parts of the call page that need no browser: numbering, waits, silence, codecs, the trail.

import test from "node:test";
import assert from "node:assert/strict";
import { Line, numbering, waitMs } from "../src/consult_line";
import { redFirst, SILENCE_MS, SilenceWatch } from "../src/consult_peer";
import { trailPath } from "../src/consult_vitals";
import type { Joined } from "../src/consult_messages";

function joined(resumed: boolean, received: number): Joined {
  return {
    type: "joined", peer: "a", role: "doctor", polite: false, state: "in_session",
    resumed, received, seq: 0, peers: [], ice_servers: [],
  };
}

const HANG_UP = { type: "hang_up" } as const;

test("what a page says is numbered from one", () => {
  const line = numbering("page-0001");
  assert.deepEqual([line.number(HANG_UP).seq, line.number(HANG_UP).seq], [1, 2]);
});

test("after a resumed join only what the server had not taken is said again", () => {
  const line = numbering("page-0001");
  for (let i = 0; i < 4; i++) line.number(HANG_UP);
  assert.deepEqual(line.joined(joined(true, 2)).map((said) => said.seq), [3, 4]);
  assert.equal(line.number(HANG_UP).seq, 5);
});

test("after a join that was not resumed both numberings start anew", () => {
  const line = numbering("page-0001");
  line.number(HANG_UP);
  line.isNew({ type: "state", seq: 7, state: "accepted" });
  assert.deepEqual(line.joined(joined(false, 0)), []);
  assert.equal(line.join().last_seq, 0);
  assert.equal(line.number(HANG_UP).seq, 1);
});

test("a number that came before is not new, and the next join asks from the last one", () => {
  const line = numbering("page-0001");
  assert.equal(line.isNew({ type: "state", seq: 1, state: "accepted" }), true);
  assert.equal(line.isNew({ type: "state", seq: 1, state: "accepted" }), false);
  assert.deepEqual(line.join(), { type: "join", client: "page-0001", last_seq: 1 });
});

test("waits double, are capped, and differ by chance", () => {
  assert.deepEqual([0, 1, 2].map((attempt) => waitMs(attempt, 1)), [400, 800, 1_600]);
  assert.equal(waitMs(0, 0), 200);
  assert.equal(waitMs(50, 1), 8_000);
});

test("a line that is being opened is not opened again, for that would cut it off", () => {
  const opened: { closed: boolean }[] = [];
  class Connecting {
    closed = false;
    constructor() {
      opened.push(this);
    }
    close(): void {
      this.closed = true;
    }
  }
  const real = { WebSocket: globalThis.WebSocket, addEventListener: globalThis.addEventListener };
  Object.assign(globalThis, { WebSocket: Connecting, addEventListener: () => undefined });
  try {
    const nothing = () => undefined;
    const line = new Line("ws://room", {
      joined: nothing, told: nothing, vitals: nothing, failed: nothing, open: nothing,
      refused: nothing,
    });
    line.open();
    line.open();
    assert.deepEqual(opened.map((socket) => socket.closed), [false]);
    line.reopen();
    assert.deepEqual(opened.map((socket) => socket.closed), [true, false]);
  } finally {
    Object.assign(globalThis, real);
  }
});

test("silence is told at its limit and not before, and only after something had come", () => {
  const watch = new SilenceWatch();
  assert.equal(watch.silent(0, 0), false);
  assert.equal(watch.silent(0, 60_000), false);
  assert.equal(watch.silent(10, 60_000), false);
  assert.equal(watch.silent(10, 60_000 + SILENCE_MS - 1), false);
  assert.equal(watch.silent(10, 60_000 + SILENCE_MS), true);
  assert.equal(watch.silent(11, 60_000 + SILENCE_MS), false);
});

test("RED comes first where the browser offers it, the rest keeps its order", () => {
  const named = (...types: string[]) => types.map((mimeType) => ({ mimeType }));
  assert.deepEqual(
    redFirst(named("audio/opus", "audio/red", "audio/PCMU")),
    named("audio/red", "audio/opus", "audio/PCMU"),
  );
  assert.deepEqual(redFirst(named("audio/opus")), named("audio/opus"));
});

test("the trail runs from ten minutes ago to now, 80 to 100 percent", () => {
  assert.equal(trailPath([], 0), "");
  assert.equal(trailPath([[0, 100], [600_000, 80]], 600_000), "M0.00 0.00L100.00 40.00");
  assert.equal(trailPath([[600_000, 60]], 600_000), "M100.00 40.00");
});
