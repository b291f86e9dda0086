// A reading as an SMS: `SPO2 91 MACH 108 THO 24 NHIET 38.2`, the grammar of docs/phone.md.

import type { Name, Values } from "./values";

const WORDS: readonly [Name, string][] = [
  ["spo2_percent", "SPO2"],
  ["pulse_per_min", "MACH"],
  ["respiration_per_min", "THO"],
  ["temperature_celsius", "NHIET"],
];

export function smsText(values: Values): string {
  return WORDS.flatMap(([name, word]) => {
    const value = values[name];
    return value === undefined ? [] : [`${word} ${plain(value)}`];
  }).join(" ");
}

/** A decimal only where there is one, always with a point: what a machine reads back. */
function plain(value: number): string {
  return Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}

/** The link that opens the phone's own messages (RFC 5724). */
export function smsHref(number: string, text: string): string {
  return `sms:${number.replace(/[^+\d]/g, "")}?body=${encodeURIComponent(text)}`;
}

export function telHref(number: string): string {
  return `tel:${number.replace(/[^+\d]/g, "")}`;
}
