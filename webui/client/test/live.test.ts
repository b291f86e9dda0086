import assert from "node:assert/strict";
import test from "node:test";
import { Live, LONGEST_WAIT_MS, SILENT_AFTER_MS, type LineState, type Socket } from "../src/shared/live";
import type { Changes } from "../src/shared/types";

class FakeSocket {
  sent: string[] = [];
  isClosed = false;
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.isClosed = true;
  }

  open(): void {
    this.onopen?.call({} as WebSocket, {} as Event);
  }

  say(message: object): void {
    this.onmessage?.call({} as WebSocket, { data: JSON.stringify(message) } as MessageEvent);
  }

  drop(code: number): void {
    this.onclose?.call({} as WebSocket, { code } as CloseEvent);
  }
}

/** A page with a clock of its own; nothing waits for real. */
class Page {
  nowMs = 0;
  sockets: FakeSocket[] = [];
  states: LineState[] = [];
  changes: Changes[] = [];
  live: Live;

  constructor(personId: string | null = null, cursor = 0) {
    this.live = new Live(
      {
        connect: () => {
          const socket = new FakeSocket();
          this.sockets.push(socket);
          return socket as unknown as Socket;
        },
        now: () => this.nowMs,
        later: () => 0,
        random: () => 1,
      },
      {
        state: (state) => this.states.push(state),
        changes: (changes) => this.changes.push(changes),
        time: () => undefined,
        notice: () => undefined,
      },
      personId,
      cursor,
    );
    this.live.start();
  }

  get socket(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket;
  }

  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 1_000) {
      this.nowMs += 1_000;
      this.live.check();
    }
  }
}

test("a page says whom it watches and how far it has come", () => {
  const page = new Page("p-1", 41);
  page.socket.open();
  assert.deepEqual(JSON.parse(page.socket.sent[0] ?? ""), {
    type: "watch",
    cursor: 41,
    person_id: "p-1",
  });
});

test("a page that hears nothing says so within ten seconds", () => {
  const page = new Page();
  page.socket.open();
  page.socket.say({ type: "beat", now: 5 });
  page.pass(SILENT_AFTER_MS - 1_000);
  assert.deepEqual(page.states, ["on"]);
  page.pass(2_000);
  assert.equal(page.states.at(-1), "lost");
  assert.ok(page.sockets[0]?.isClosed);
});

test("a page that hears a beat every four seconds stays connected", () => {
  const page = new Page();
  page.socket.open();
  for (let i = 0; i < 10; i++) {
    page.socket.say({ type: "beat", now: i });
    page.pass(4_000);
  }
  assert.deepEqual(page.states, ["on"]);
  assert.equal(page.sockets.length, 1);
});

test("a page that comes back asks for what followed its last cursor", () => {
  const page = new Page(null, 3);
  page.socket.open();
  page.socket.say({ type: "changes", now: 1, cursor: 9, rows: [] });
  page.socket.drop(1006);
  page.pass(2_000);
  page.socket.open();
  assert.equal(page.sockets.length, 2);
  assert.equal(JSON.parse(page.socket.sent[0] ?? "").cursor, 9);
});

test("a short break is no loss, and words come back with the line", () => {
  const page = new Page();
  page.socket.open();
  page.socket.say({ type: "beat", now: 1 });
  page.socket.drop(1006);
  page.pass(1_000);
  page.socket.open();
  page.socket.say({ type: "beat", now: 2 });
  assert.deepEqual(page.states, ["on", "waiting", "on"]);
});

test("tries grow apart, but never further than the longest wait", () => {
  const page = new Page();
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    const tries = page.sockets.length;
    page.socket.drop(1006);
    const from = page.nowMs;
    while (page.sockets.length === tries) page.pass(1_000);
    waits.push(page.nowMs - from);
  }
  assert.deepEqual(waits, [1_000, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  assert.equal(LONGEST_WAIT_MS, 15_000);
});

test("a line that opens after a long loss is given time to say something", () => {
  const page = new Page();
  page.nowMs = 30_000;
  page.live.check();
  assert.equal(page.states.at(-1), "lost");
  page.nowMs = 40_000;
  page.live.check();
  const opened = page.socket;
  page.pass(SILENT_AFTER_MS - 1_000);
  assert.ok(!opened.isClosed);
  page.pass(1_000);
  assert.ok(opened.isClosed);
});

test("a session that is over is not tried again", () => {
  const page = new Page();
  page.socket.open();
  page.socket.say({ type: "beat", now: 1 });
  page.socket.drop(4401);
  page.pass(60_000);
  assert.equal(page.states.at(-1), "ended");
  assert.equal(page.sockets.length, 1);
});

test("a late word of an abandoned socket changes nothing", () => {
  const page = new Page();
  const first = page.socket;
  first.open();
  page.pass(SILENT_AFTER_MS + 2_000);
  first.say({ type: "changes", now: 1, cursor: 7, rows: [] });
  assert.equal(page.changes.length, 0);
});
