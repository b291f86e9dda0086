// What any family of oximeters can say, as protocols/oximeters/said.py; `null`: it does not know.

import { Quality } from "./quality";

export interface Oximetry {
  type: "oximetry";
  spo2_percent: number | null;
  pulse_per_min: number | null;
  perfusion_index_percent: number | null;
  quality: number;
}

export interface Battery {
  type: "battery";
  percent: number | null;
  low: boolean;
}

export interface Garbage {
  type: "garbage";
  raw: Uint8Array;
  reason: string;
}

export type Said = Oximetry | Battery | Garbage;

/** A device sent what its family cannot mean. */
export class DecodeError extends Error {}

const SPO2_MAX = 100;
const PULSE_MAX = 350;
const PERFUSION_MAX = 100;
const LOW_PERFUSION = 0.3;

export function spo2Of(raw: number, none: readonly number[]): number | null {
  return known(raw, none, SPO2_MAX, "SpO2");
}

export function pulseOf(raw: number, none: readonly number[]): number | null {
  return known(raw, none, PULSE_MAX, "pulse");
}

function known(raw: number, none: readonly number[], most: number, what: string): number | null {
  if (none.includes(raw)) return null;
  if (raw > most) throw new DecodeError(`${what} needs 0 to ${most}, got ${raw}`);
  return raw;
}

/** 0 is none, and so is more than 100 %. */
export function perfusionOf(raw: number, stepsAPercent: number): number | null {
  const percent = raw / stepsAPercent;
  return percent > 0 && percent <= PERFUSION_MAX ? percent : null;
}

/** One value with the device's own flags and what its numbers add to them. */
export function oximetry(
  worn: boolean,
  flags: number,
  spo2: number | null,
  pulse: number | null,
  perfusion: number | null,
): Oximetry {
  const [s, p, i] = worn ? [spo2, pulse, perfusion] : [null, null, null];
  const low = i !== null && i < LOW_PERFUSION ? flags | Quality.LOW_PERFUSION : flags;
  const quality = low === 0 && (s === null || p === null) ? Quality.INVALID : low;
  return { type: "oximetry", spo2_percent: s, pulse_per_min: p, perfusion_index_percent: i, quality };
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((octet) => octet.toString(16).padStart(2, "0")).join("");
}
