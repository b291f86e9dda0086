// Sends what waits, one post at a time: at once, at the start, when the network or the page is back.

import { answered, nextPost, waiting, type Answer, type Item } from "./queue";
import { change, queueOf } from "./store";

const URL = "/api/v1/patient/uploads";
const AGAIN_MS = [5_000, 15_000, 60_000, 300_000];
const PATIENCE_MS = 30_000;

export type SendState = "idle" | "sending" | "offline" | "signed_out" | "refused";

export interface Standing {
  state: SendState;
  waiting: Item[];
  /** Acknowledged and taken: the server has them. */
  taken: Item[];
  refused: Item[];
}

const uuid = () => crypto.randomUUID();

/** The one sender of a page; tells its standing on every change. */
export class Sender extends EventTarget {
  standing: Standing = { state: "idle", waiting: [], taken: [], refused: [] };
  private running = false;
  private wanted = false;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly account: string) {
    super();
    addEventListener("online", () => void this.wake());
    addEventListener("pageshow", () => void this.wake());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.wake();
    });
  }

  /** Sends all that waits; a call during a call runs once more after it. */
  async wake(): Promise<void> {
    this.wanted = true;
    if (this.running) return;
    this.running = true;
    clearTimeout(this.timer);
    try {
      while (this.wanted) {
        this.wanted = false;
        await alone(() => this.sendAll());
      }
    } finally {
      this.running = false;
    }
  }

  private async sendAll(): Promise<void> {
    for (;;) {
      const queue = await queueOf(this.account);
      const post = nextPost(queue, Date.now());
      if (post === undefined) {
        this.failures = 0;
        return this.tell("idle", queue.items);
      }
      this.tell("sending", queue.items);
      const answer = await ask(post);
      if (typeof answer === "string") {
        if (answer === "offline") this.later();
        return this.tell(answer, queue.items);
      }
      await change(this.account, (now) =>
        now.stream.epoch === post.epoch ? answered(now, answer, Date.now(), uuid) : now,
      );
    }
  }

  private later(): void {
    const wait = AGAIN_MS[Math.min(this.failures, AGAIN_MS.length - 1)] ?? 0;
    this.failures += 1;
    this.timer = setTimeout(() => void this.wake(), wait * (0.75 + Math.random() / 2));
  }

  private tell(state: SendState, items: Item[]): void {
    this.standing = {
      state,
      waiting: waiting(items).filter((item) => item.readings.length > 0),
      taken: items.filter((item) => item.acked_ms !== undefined && item.refused === undefined),
      refused: items.filter((item) => item.refused !== undefined),
    };
    this.dispatchEvent(new Event("standing"));
  }
}

/** One tab sends at a time, where the browser can tell; elsewhere the server takes each number once. */
async function alone(act: () => Promise<void>): Promise<void> {
  if (!("locks" in navigator)) return act();
  await navigator.locks.request("telehealth-sync", act);
}

async function ask(post: object): Promise<Answer | "offline" | "signed_out" | "refused"> {
  try {
    const answer = await fetch(URL, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(post),
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.ok) return (await answer.json()) as Answer;
    if (answer.status === 401) return "signed_out";
    return answer.status >= 500 || answer.status === 429 ? "offline" : "refused";
  } catch {
    return "offline";
  }
}
