// The person's newest values beside the video. Every number has its age; an old one is not dressed
// as a fresh one, and a missing one is a dash.

import type { Vitals } from "./consult_messages";
import { now, sync } from "./shared/clock";
import { age, number, t } from "./shared/texts";

const LIVE_MS = 10_000;
const OLD_MS = 5 * 60_000;
const TRAIL_MS = 10 * 60_000;
const LEVELS = ["green", "yellow", "orange", "red"] as const;

export class VitalsPanel {
  private last: Vitals | null = null;
  private trail: [number, number][] = [];

  constructor(private readonly panel: HTMLElement) {
    setInterval(() => this.draw(), 1_000);
  }

  show(vitals: Vitals): void {
    sync(vitals.at);
    this.last = vitals;
    const { spo2_percent: spo2, spo2_at: at } = vitals;
    if (spo2 !== undefined && at !== undefined && at !== this.trail.at(-1)?.[0]) {
      this.trail.push([at, spo2]);
      this.trail = this.trail.filter(([then]) => at - then <= TRAIL_MS);
    }
    this.draw();
  }

  private draw(): void {
    const last = this.last;
    if (last === null) return;
    this.value("spo2", last.spo2_percent, last.spo2_at);
    this.value("pulse", last.pulse_per_min, last.pulse_at);
    this.value("perfusion", last.perfusion_index_percent, last.perfusion_at);
    this.level(last.level);
    this.panel.querySelector("path.line")?.setAttribute("d", trailPath(this.trail, now()));
  }

  private value(name: string, value: number | undefined, at: number | undefined): void {
    const box = this.part(name);
    const shown = box?.querySelector<HTMLElement>("output");
    const aged = box?.querySelector<HTMLElement>(".age");
    if (!box || !shown || !aged) return;
    const text = number(value);
    if (shown.textContent !== text) shown.textContent = text;
    box.classList.toggle("none", value === undefined);
    const since = at === undefined ? Infinity : now() - at;
    aged.textContent = since < LIVE_MS ? t("age.live") : age(at, now());
    aged.classList.toggle("live", since < LIVE_MS);
    aged.classList.toggle("old", at !== undefined && since >= OLD_MS);
  }

  private level(level: number | undefined): void {
    const name = level === undefined ? "grey" : (LEVELS[level] ?? "grey");
    const chip = this.part("level");
    if (!chip || chip.dataset["level"] === name) return;
    chip.dataset["level"] = name;
    chip.className = `level chip level-${name}`;
    chip.querySelector("use")?.setAttribute("href", `#shape-${name}`);
    const word = chip.querySelector("span");
    if (word !== null) word.textContent = t(`level.${name}`);
  }

  private part(name: string): HTMLElement | null {
    return this.panel.querySelector(`[data-vital="${name}"]`);
  }
}

/** A path in a box of 100 by 40 over the last ten minutes, SpO2 from 80 to 100 %. */
export function trailPath(trail: readonly (readonly [number, number])[], nowMs: number): string {
  return trail
    .map(([at, spo2], i) => {
      const x = 100 * (1 - Math.min(1, Math.max(0, (nowMs - at) / TRAIL_MS)));
      const y = 40 * (1 - (Math.min(100, Math.max(80, spo2)) - 80) / 20);
      return `${i === 0 ? "M" : "L"}${x.toFixed(2)} ${y.toFixed(2)}`;
    })
    .join("");
}
