// From samples to what the person is told: what is going on, and one thing to do about it. Pure.

import { NOT_A_PATIENTS, Quality } from "./quality";
import { PlateauFinder, STABLE_MS, type SpotCheck } from "./plateau";
import type { Oximetry } from "./said";

export type Doing = "connecting" | "waiting" | "finger_off" | "searching" | "weak" | "moving" | "measuring";

export interface Progress {
  doing: Doing;
  spo2: number | null;
  pulse: number | null;
  /** 0 to 1: how much of the five seconds the values have held still. */
  share: number;
  /** A text key below `bluetooth.hint.`; undefined: nothing to do but wait. */
  hint?: Hint;
}

export type Hint = "finger" | "wait" | "warm" | "push_in" | "still" | "polish";

const LATE_MS = 12_000;
const VERY_LATE_MS = 25_000;

/** Follows one measuring, from the first sample to a value that holds still. */
export class Follower {
  private readonly finder = new PlateauFinder();
  private since: number | undefined;
  private weakMs = 0;
  private lastMs: number | undefined;
  progress: Progress = { doing: "connecting", spo2: null, pulse: null, share: 0 };

  connected(): void {
    this.progress = { doing: "waiting", spo2: null, pulse: null, share: 0, hint: "finger" };
  }

  /** Takes one sample; returns the spot check that it completes, if any. */
  add(atMs: number, sample: Oximetry): SpotCheck | undefined {
    if (sample.quality & NOT_A_PATIENTS) return undefined;
    const found = this.finder.add(atMs, sample);
    const doing = doingOf(sample);
    if (doing === "finger_off") this.since = undefined;
    else this.since ??= atMs;
    const step = this.lastMs === undefined ? 0 : atMs - this.lastMs;
    this.weakMs = doing === "weak" ? this.weakMs + step : 0;
    this.lastMs = atMs;
    const hint = hintOf(doing, this.weakMs, this.since === undefined ? 0 : atMs - this.since);
    this.progress = {
      doing,
      spo2: sample.spo2_percent,
      pulse: sample.pulse_per_min,
      share: Math.min(1, this.finder.stableMs / STABLE_MS),
      ...(hint === undefined ? {} : { hint }),
    };
    return found;
  }
}

function doingOf({ quality, spo2_percent: spo2 }: Oximetry): Doing {
  if (quality & Quality.FINGER_OFF) return "finger_off";
  if (quality & Quality.MOTION) return "moving";
  if (quality & (Quality.WEAK_SIGNAL | Quality.LOW_PERFUSION)) return "weak";
  if (quality & (Quality.SEARCHING | Quality.CALIBRATING) || spo2 === null) return "searching";
  return "measuring";
}

/** One hint at a time: the one that most often helps first. */
export function hintOf(doing: Doing, weakMs: number, fingerMs: number): Hint | undefined {
  if (doing === "finger_off") return "finger";
  if (doing === "moving") return "still";
  if (doing === "weak") return weakMs >= LATE_MS ? "push_in" : "warm";
  if (doing === "searching") return fingerMs >= LATE_MS ? "push_in" : "wait";
  if (fingerMs >= VERY_LATE_MS) return "polish";
  return fingerMs >= LATE_MS ? "still" : undefined;
}
