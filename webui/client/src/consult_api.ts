// The few requests about a call; `null` is a server that cannot be reached or refuses.

import type { CallState } from "./consult_messages";

export interface Call {
  room_id: string;
  state: CallState;
  /** Whether it waits for this side to answer. */
  rings: boolean;
  name: string;
  side: "doctor" | "patient";
  url: string;
}

const BASE = "/api/v1/calls";

export type Answered<T> = { status: number; body: T | null };

async function ask<T>(path: string, method: "GET" | "POST"): Promise<Answered<T>> {
  try {
    const answer = await fetch(`${BASE}/${path}`, { method, keepalive: method === "POST" });
    return { status: answer.status, body: answer.ok ? ((await answer.json()) as T) : null };
  } catch {
    return { status: 0, body: null };
  }
}

export function answer(roomId: string): Promise<Answered<Call>> {
  return ask(`${roomId}/answer`, "POST");
}

export function decline(roomId: string): Promise<Answered<Call>> {
  return ask(`${roomId}/decline`, "POST");
}

export function callState(roomId: string): Promise<Answered<Call>> {
  return ask(roomId, "GET");
}

export async function openCalls(): Promise<Call[] | null> {
  return (await ask<{ calls: Call[] }>("current", "GET")).body?.calls ?? null;
}
