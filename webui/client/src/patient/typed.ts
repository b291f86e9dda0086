// What somebody types from the device's display: read, checked, and asked for again if unusual.

import { levelOf } from "./judge";
import { NAMES, type Name, type Rules, type Values } from "./values";

const ORANGE = 2;
const JUMP_PERCENT = 4;
const NUMBER = /^\d{1,3}([.,]\d)?$/;

/** Why a field cannot be taken: a text key below `typed.`, with the limits to name. */
export interface Problem {
  key: "not_a_number" | "out_of_range" | "nothing" | "differs";
  low?: number;
  high?: number;
}

export interface Checked {
  values: Values;
  problems: Partial<Record<Name, Problem>>;
}

/** Reads the fields as people type them: with comma or point, an empty one is not known. */
export function check(fields: Partial<Record<Name, string>>, rules: Rules): Checked {
  const typed = NAMES.map((name) => [name, (fields[name] ?? "").trim()] as const).filter(([, text]) => text !== "");
  if (typed.length === 0) return { values: {}, problems: { spo2_percent: { key: "nothing" } } };
  const read = typed.map(([name, text]) => [name, valueOf(text, rules.ranges[name])] as const);
  return {
    values: Object.fromEntries(read.filter(([, value]) => typeof value === "number")),
    problems: Object.fromEntries(read.filter(([, value]) => typeof value !== "number")),
  };
}

function valueOf(text: string, range: [number, number] | undefined): number | Problem {
  const value = Number(text.replace(",", "."));
  if (!NUMBER.test(text)) return { key: "not_a_number" };
  const [low, high] = range ?? [-Infinity, Infinity];
  return value < low || value > high ? { key: "out_of_range", low, high } : value;
}

/** Whether a reading is asked for a second time: it would alarm, or is far from the last one. */
export function isUnusual(values: Values, rules: Rules, lastSpo2: number | null): boolean {
  const { spo2_percent: spo2 } = values;
  const jumped = spo2 !== undefined && lastSpo2 !== null && Math.abs(spo2 - lastSpo2) >= JUMP_PERCENT;
  return jumped || levelOf(values, rules) >= ORANGE;
}

/** Whether the two numbers of a display may have been exchanged: on most of them SpO2 stands first. */
export function mayBeSwapped(values: Values): boolean {
  const { spo2_percent: spo2, pulse_per_min: pulse } = values;
  return spo2 !== undefined && pulse !== undefined && spo2 < 90 && pulse >= 90 && pulse <= 100;
}

/** The fields in which a second entry says something else than the first. */
export function differing(first: Values, second: Values): Name[] {
  return NAMES.filter((name) => first[name] !== second[name]);
}
