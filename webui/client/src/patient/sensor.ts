// Measuring by a sensor of one's own over Web Bluetooth, in words and large numbers.

import type { TemplateResult } from "lit";
import type { Origin } from "./book";
import type { Values } from "./values";

export interface Ears {
  changed: () => void;
  done: (values: Values, origin: Origin) => void;
  /** The person would rather type. */
  type: () => void;
  stopped: () => void;
}

export interface Measuring {
  render: () => TemplateResult;
}

export function canMeasure(): boolean {
  return false;
}

export function bySensor(_ears: Ears): Measuring {
  throw new Error("not here");
}
