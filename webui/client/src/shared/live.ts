// The page's line to the server: opens, watches, notices silence, comes back with its cursor.
//
// The server says something at least every four seconds. A page that has heard nothing for eight
// says so to the person in front of it, and tries again, each time after a longer, random wait.

import type { Changes, FromServer } from "./types";

export type LineState = "waiting" | "on" | "lost" | "ended";

export const SILENT_AFTER_MS = 8_000;
export const FIRST_WAIT_MS = 500;
export const LONGEST_WAIT_MS = 15_000;
const SESSION_OVER = 4401;
const NOT_ALLOWED = 4403;

export type Socket = Pick<WebSocket, "send" | "close" | "onopen" | "onmessage" | "onclose">;

export interface World {
  connect(): Socket;
  now(): number;
  later(act: () => void, ms: number): unknown;
  random(): number;
}

export interface Listener {
  state(state: LineState, lastHeardMs: number): void;
  changes(changes: Changes): void;
  time(serverNowMs: number): void;
  notice(message: Record<string, unknown>): void;
}

export class Live {
  private socket: Socket | null = null;
  private lastHeardMs: number;
  private tries = 0;
  private state: LineState = "waiting";
  private retryAtMs = 0;
  private openedAtMs = 0;

  constructor(
    private readonly world: World,
    private readonly listener: Listener,
    private readonly personId: string | null,
    private cursor: number,
  ) {
    this.lastHeardMs = world.now();
  }

  start(): void {
    this.open();
    const tick = () => {
      this.check();
      this.world.later(tick, 1_000);
    };
    this.world.later(tick, 1_000);
  }

  /** The network or the page is back: no need to wait any longer. */
  wake(): void {
    if (this.socket === null && this.state !== "ended") this.open();
  }

  private open(): void {
    const socket = this.world.connect();
    this.socket = socket;
    this.openedAtMs = this.world.now();
    socket.onopen = () => {
      socket.send(
        JSON.stringify({
          type: "watch",
          cursor: this.cursor,
          ...(this.personId === null ? {} : { person_id: this.personId }),
        }),
      );
    };
    socket.onmessage = (event) => {
      if (this.socket === socket) this.heard(String(event.data));
    };
    socket.onclose = (event) => {
      if (this.socket === socket) this.closed(event.code);
    };
  }

  private heard(text: string): void {
    this.lastHeardMs = this.world.now();
    this.tries = 0;
    this.become("on");
    const message = JSON.parse(text) as FromServer;
    if (message.type === "notice") {
      this.listener.notice(message.message);
      return;
    }
    this.listener.time(message.now);
    if (message.type === "changes") {
      this.cursor = message.cursor;
      this.listener.changes(message);
    }
  }

  private closed(code: number): void {
    this.socket = null;
    if (code === SESSION_OVER || code === NOT_ALLOWED) {
      this.become("ended");
      return;
    }
    if (this.state === "on") this.become("waiting");
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.tries);
    this.tries += 1;
    this.retryAtMs = this.world.now() + wait * (0.5 + this.world.random() / 2);
  }

  /** Once a second: has it been silent for too long, is it time to try again? */
  check(): void {
    if (this.state === "ended") return;
    const now = this.world.now();
    if (now - this.lastHeardMs >= SILENT_AFTER_MS) this.become("lost");
    if (this.socket !== null && now - Math.max(this.lastHeardMs, this.openedAtMs) >= SILENT_AFTER_MS) {
      const socket = this.socket;
      this.closed(0);
      socket.close();
    }
    if (this.socket === null && now >= this.retryAtMs) this.open();
  }

  private become(state: LineState): void {
    if (this.state === state) return;
    this.state = state;
    this.listener.state(state, this.lastHeardMs);
  }
}
