// A spot check waits for a value that holds still, by the rule of devices/plateau.py (PLATEAU.md).

import { Quality, SPOILED, flagsOfMost } from "./quality";
import type { Oximetry } from "./said";

export const STABLE_MS = 5_000;
const SPO2_RANGE = 2;
const PULSE_RANGE = 6;
const BREAK_MS = 3_000;
const FEWEST = 4;
const GIVE_UP_MS = 40_000;

/** A value that has held still; with `null` in it, `quality` says why there is none. */
export interface SpotCheck {
  at_ms: number;
  spo2_percent: number | null;
  pulse_per_min: number | null;
  perfusion_index_percent: number | null;
  quality: number;
}

interface Timed {
  at_ms: number;
  spo2: number;
  pulse: number;
  perfusion: number | null;
  quality: number;
}

/** One finger in one device. */
export class PlateauFinder {
  private window: Timed[] = [];
  private seen = 0;
  private firstMs: number | undefined;
  private lastMs = 0;
  private found = false;
  private toldWhy = false;

  /** How long the values have held still. */
  get stableMs(): number {
    const [first, last] = [this.window.at(0), this.window.at(-1)];
    return first === undefined || last === undefined ? 0 : last.at_ms - first.at_ms;
  }

  add(atMs: number, sample: Oximetry): SpotCheck | undefined {
    if (sample.quality & Quality.FINGER_OFF) return this.finish();
    this.firstMs ??= atMs;
    this.lastMs = atMs;
    this.seen |= sample.quality;
    if (this.found) return undefined;
    this.widen(atMs, sample);
    if (this.window.length >= FEWEST && this.stableMs >= STABLE_MS) {
      this.found = true;
      return this.reading();
    }
    return atMs - this.firstMs >= GIVE_UP_MS ? this.whyNot() : undefined;
  }

  /** The finger is gone: says why there was no reading, if there was none. */
  finish(): SpotCheck | undefined {
    const spot = this.firstMs !== undefined && !this.found ? this.whyNot() : undefined;
    this.window = [];
    this.seen = 0;
    this.firstMs = undefined;
    this.found = this.toldWhy = false;
    return spot;
  }

  private whyNot(): SpotCheck | undefined {
    if (this.toldWhy) return undefined;
    this.toldWhy = true;
    return {
      at_ms: this.lastMs,
      spo2_percent: null,
      pulse_per_min: null,
      perfusion_index_percent: null,
      quality: Quality.NO_PLATEAU | this.seen,
    };
  }

  private widen(atMs: number, sample: Oximetry): void {
    const { spo2_percent: spo2, pulse_per_min: pulse, quality } = sample;
    if (spo2 === null || pulse === null || quality & SPOILED) {
      this.window = [];
      return;
    }
    const last = this.window.at(-1);
    if (last !== undefined && atMs - last.at_ms > BREAK_MS) this.window = [];
    this.window.push({ at_ms: atMs, spo2, pulse, perfusion: sample.perfusion_index_percent, quality });
    while (!isClose(this.window)) this.window.shift();
  }

  private reading(): SpotCheck {
    const perfusion = this.window.flatMap((one) => (one.perfusion === null ? [] : [one.perfusion]));
    return {
      at_ms: this.lastMs,
      spo2_percent: median(this.window.map((one) => one.spo2)),
      pulse_per_min: median(this.window.map((one) => one.pulse)),
      perfusion_index_percent: perfusion.length > 0 ? median(perfusion) : null,
      quality: flagsOfMost(this.window.map((one) => one.quality)),
    };
  }
}

function isClose(window: readonly Timed[]): boolean {
  return range(window.map((one) => one.spo2)) <= SPO2_RANGE && range(window.map((one) => one.pulse)) <= PULSE_RANGE;
}

function range(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}

/** To hundredths, as the gateway rounds. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  const found = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
  return Math.round(found * 100) / 100;
}
