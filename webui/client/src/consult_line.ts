// The page's side of the numbered, resumable signalling line: what it says and hears outlives any
// one WebSocket. A lost socket is opened again with a growing, random wait; media go on meanwhile.

import type { Failure, FromServer, Joined, Numbered, Said, Vitals } from "./consult_messages";

const KEPT = 256;
const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8_000;

export interface LineEvents {
  joined(message: Joined): void;
  told(message: Numbered): void;
  vitals(message: Vitals): void;
  failed(message: Failure): void;
  /** The socket opened (true) or was lost (false). */
  open(isOpen: boolean): void;
  /** The server refused the upgrade, perhaps for good: ask it why. */
  refused(): void;
}

export interface Numbering {
  join(): { type: "join"; client: string; last_seq: number };
  number(message: Said): Said & { seq: number };
  /** What must be said again after the server's answer. */
  joined(message: Joined): (Said & { seq: number })[];
  /** False when this number came before. */
  isNew(message: Numbered): boolean;
}

/** Both directions' numbers, without any socket. */
export function numbering(client: string): Numbering {
  let kept: (Said & { seq: number })[] = [];
  let given = 0;
  let seen = 0;
  return {
    join: () => ({ type: "join", client, last_seq: seen }),
    number(message) {
      given += 1;
      const numbered = { ...message, seq: given };
      kept.push(numbered);
      if (kept.length > KEPT) kept.shift();
      return numbered;
    },
    joined(message) {
      if (message.resumed) {
        kept = kept.filter((said) => said.seq > message.received);
        return kept;
      }
      kept = [];
      given = seen = 0;
      return [];
    },
    isNew(message) {
      if (message.seq <= seen) return false;
      seen = message.seq;
      return true;
    },
  };
}

/** The wait before the n-th attempt: doubled, capped and random, so that a village does not come back at once. */
export function waitMs(attempt: number, chance: number): number {
  const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 16));
  return longest / 2 + (chance * longest) / 2;
}

export class Line {
  private numbers = numbering(crypto.randomUUID());
  private socket: WebSocket | null = null;
  private answered = false;
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private ended = false;

  constructor(
    private readonly url: string,
    private readonly events: LineEvents,
  ) {
    addEventListener("online", () => this.reopen());
  }

  get isOpen(): boolean {
    return this.answered;
  }

  /** Connect, unless that is done or under way. */
  open(): void {
    if (this.socket === null) this.reopen();
  }

  /** Connect, or connect again at once: coming back costs nothing, for nothing is lost. */
  reopen(): void {
    if (this.ended) return;
    clearTimeout(this.timer);
    const old = this.socket;
    this.socket = null;
    old?.close();
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.answered = false;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      socket.send(JSON.stringify(this.numbers.join()));
    };
    socket.onmessage = (event) => {
      if (this.socket === socket) this.take(JSON.parse(String(event.data)) as FromServer);
    };
    socket.onclose = () => {
      if (this.socket === socket) this.lost(opened);
    };
  }

  say(message: Said): void {
    const numbered = this.numbers.number(message);
    if (this.answered) this.socket?.send(JSON.stringify(numbered));
  }

  /** Come back as another page: everybody connects to it anew. */
  startAnew(): void {
    this.numbers = numbering(crypto.randomUUID());
    this.reopen();
  }

  end(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.answered = false;
    this.socket?.close();
    this.socket = null;
  }

  private lost(opened: boolean): void {
    this.socket = null;
    this.answered = false;
    if (this.ended) return;
    this.events.open(false);
    if (!opened) this.events.refused();
    if (this.ended) return;
    this.timer = setTimeout(() => this.reopen(), waitMs(this.attempt++, Math.random()));
  }

  private take(message: FromServer): void {
    switch (message.type) {
      case "joined":
        this.attempt = 0;
        this.answered = true;
        for (const said of this.numbers.joined(message)) this.socket?.send(JSON.stringify(said));
        this.events.joined(message);
        this.events.open(true);
        return;
      case "vitals":
        return this.events.vitals(message);
      case "error":
        return this.events.failed(message);
      default:
        if (this.numbers.isNew(message)) this.events.told(message);
    }
  }
}
