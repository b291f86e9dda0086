// What waits on this phone for the server: numbered, kept until acknowledged, and a week after.
//
// A phone's items of one account are one stream: contiguous numbers from 1 under a random epoch.
// An item is deleted only after the server has acknowledged its number, and not before a week has
// passed: a server restored from a backup asks for it again. Pure; `store.ts` keeps it.

import type { Values } from "../patient/values";

const KEPT_MS = 7 * 24 * 3_600_000;
const MOST_A_POST = 20;

export interface Shown {
  code: string;
  at: number;
  reading_at: number;
}

export interface Reading extends Values {
  kind: "spot" | "typed";
  at: number;
  record: string;
  quality?: number;
  perfusion_index_percent?: number;
}

/** One number of the stream, as protocols/phone.py reads it. */
export interface Item {
  seq: number;
  person: string;
  device: string;
  readings: Reading[];
  shown: Shown[];
  rules: string;
  queued_ms: number;
  acked_ms?: number;
  refused?: string;
}

/** The stream of one account on this phone. */
export interface Stream {
  account: string;
  epoch: string;
  phone: string;
  next: number;
}

export interface Post {
  /** Whose queue it is: the session may have changed since the page was opened. */
  account: string;
  epoch: string;
  now: number;
  batches: Omit<Item, "queued_ms" | "acked_ms" | "refused">[];
}

export interface Answer {
  acked: number;
  refused?: { seq: number; part: string; reason: string }[];
}

export interface Queue {
  stream: Stream;
  items: Item[];
}

export function newStream(account: string, uuid: () => string): Stream {
  return { account, epoch: uuid(), phone: `ph:${uuid()}`, next: 1 };
}

/** Puts one more at the end. */
export function queued(queue: Queue, item: Omit<Item, "seq">): Queue {
  const { stream, items } = queue;
  return {
    stream: { ...stream, next: stream.next + 1 },
    items: [...items, { ...item, seq: stream.next }],
  };
}

export function waiting(items: readonly Item[]): Item[] {
  return items.filter((item) => item.acked_ms === undefined).sort((a, b) => a.seq - b.seq);
}

/** The next post: the oldest that wait; undefined where nothing does. */
export function nextPost(queue: Queue, nowMs: number): Post | undefined {
  const first = waiting(queue.items).slice(0, MOST_A_POST);
  if (first.length === 0) return undefined;
  const batches = first.map(({ seq, person, device, readings, shown, rules }) => {
    return { seq, person, device, readings, shown, rules };
  });
  const { account, epoch } = queue.stream;
  return { account, epoch, now: nowMs, batches };
}

/** Takes the server's answer: what it holds is done, what it lacks goes again. */
export function answered(queue: Queue, answer: Answer, nowMs: number, uuid: () => string): Queue {
  const lowest = Math.min(...queue.items.map((item) => item.seq), queue.stream.next);
  if (answer.acked + 1 < lowest) return renumbered(queue, uuid);
  const reasons = new Map(answer.refused?.map((one) => [one.seq, one.reason]));
  const items = queue.items.map((item) => {
    const { acked_ms: before, ...rest } = item;
    if (item.seq > answer.acked) return rest;
    const reason = reasons.get(item.seq);
    const done = { ...rest, acked_ms: before ?? nowMs };
    return reason === undefined ? done : { ...done, refused: reason };
  });
  return { stream: queue.stream, items: items.filter((item) => !isOld(item, nowMs)) };
}

function isOld(item: Item, nowMs: number): boolean {
  return item.acked_ms !== undefined && nowMs - item.acked_ms > KEPT_MS;
}

/** The server lacks numbers that this phone has no more: what is left begins a new stream. */
function renumbered(queue: Queue, uuid: () => string): Queue {
  const left = [...queue.items].sort((a, b) => a.seq - b.seq);
  const items = left.map((item, index) => {
    const { acked_ms: _, ...rest } = item;
    return { ...rest, seq: index + 1 };
  });
  return { stream: { ...queue.stream, epoch: uuid(), next: items.length + 1 }, items };
}
