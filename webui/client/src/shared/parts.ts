// Pieces that the pages share; templates/parts.html draws the same without scripts.

import { html, nothing, svg, type TemplateResult } from "lit";
import { now } from "./clock";
import { levelName } from "./level";
import { age, clockTime, number, t } from "./texts";
import type { Alert, LastValue, Reason, Row, Samples } from "./types";

export { levelName };

export function shape(level: number | null): TemplateResult {
  const name = levelName(level);
  return html`<svg class="shape level-${name}" aria-hidden="true"><use href="#shape-${name}" /></svg>`;
}

export function levelChip(level: number | null): TemplateResult {
  const name = levelName(level);
  return html`<span class="level chip level-${name}"
    ><svg class="shape" aria-hidden="true"><use href="#shape-${name}" /></svg>${t(`level.${name}`)}</span
  >`;
}

/** The age of a value, kept true by one timer for the whole page. */
class AgeElement extends HTMLElement {
  private atMs: number | null = null;

  set at(value: number | null) {
    this.atMs = value;
    this.tell();
  }

  connectedCallback(): void {
    ages.add(this);
    this.tell();
  }

  disconnectedCallback(): void {
    ages.delete(this);
  }

  tell(): void {
    const text = age(this.atMs, now());
    if (this.textContent !== text) this.textContent = text;
  }
}

const ages = new Set<AgeElement>();
setInterval(() => {
  for (const element of ages) element.tell();
}, 5_000);
customElements.define("th-age", AgeElement);

export const FINGER_OFF = 1;
const LIVE_FOR_MS = 10_000;

/** The newest sample of a person, if it can be used; `off`: nothing is in the probe. */
export interface LiveSample {
  atMs: number;
  spo2: number | null;
  pulse: number | null;
  perfusion: number | null;
  off: boolean;
}

/** Folds a message of samples into the newest usable one. */
export function newest(
  before: LiveSample | undefined,
  message: Samples,
  unusable: number,
): LiveSample | undefined {
  let found = before;
  for (const [offset, spo2, pulse, perfusion, quality] of message.samples) {
    const atMs = message.at + offset;
    if (found !== undefined && atMs < found.atMs) continue;
    const bad = ((quality ?? 0) & unusable) !== 0;
    found = {
      atMs,
      spo2: bad ? null : (spo2 ?? null),
      pulse: bad ? null : (pulse ?? null),
      perfusion: bad ? null : (perfusion ?? null),
      off: ((quality ?? 0) & FINGER_OFF) !== 0,
    };
  }
  return found;
}

export function isFresh(sample: LiveSample | undefined): sample is LiveSample {
  return sample !== undefined && now() - sample.atMs < LIVE_FOR_MS;
}

/** One value: live while samples come, else the last accepted one with its age. */
export function valueBox(
  name: string,
  unit: string,
  last: LastValue | null,
  live: number | null,
  off: boolean,
): TemplateResult {
  const shown = live ?? last?.value ?? null;
  return html`<div class="value">
    <span class="value-name">${name}</span>
    <span class="value-number ${shown === null ? "none" : ""}"
      >${number(shown)}${shown === null ? nothing : html`<span class="unit">${unit}</span>`}</span
    >
    ${
      live !== null
        ? html`<span class="age live">${t("age.live")}</span>`
        : html`<th-age class="age" .at=${last?.at_ms ?? null}></th-age>`
    }
    ${off ? html`<span class="tag warn">${t("quality.finger_off")}</span>` : nothing}
  </div>`;
}

const SPARK_LOW = 86;
const SPARK_HIGH = 100;

/** The `d` of a sparkline in a box of 48 by 28; a gap lifts the pen. */
export function sparkPath(values: (number | null)[]): string {
  let commands = "";
  let penDown = false;
  values.forEach((value, x) => {
    if (value === null) {
      penDown = false;
      return;
    }
    const kept = Math.min(SPARK_HIGH, Math.max(SPARK_LOW, value));
    const y = (((SPARK_HIGH - kept) / (SPARK_HIGH - SPARK_LOW)) * 24 + 2).toFixed(1);
    commands += `${penDown ? "L" : "M"}${x} ${y}`;
    if (!penDown) commands += `L${(x + 0.01).toFixed(2)} ${y}`;
    penDown = true;
  });
  return commands;
}

export function spark(row: Row): TemplateResult {
  return html`<svg class="spark" viewBox="0 0 47 28" preserveAspectRatio="none" role="img" aria-label=${t("list.spark")}>
    ${svg`<path class="base" d="M0 26H47" /><path class="line" d=${sparkPath(row.spark)} />`}
  </svg>`;
}

export function reasonText(reason: Reason): string {
  return t(`reason.${reason.code}`, { value: number(reason.value), limit: number(reason.limit) });
}

export function why(alert: Alert): TemplateResult {
  const first = alert.reasons[0];
  if (first === undefined) return html`${t(`cause.${alert.cause}`)}`;
  const more = alert.reasons.length - 1;
  return html`${reasonText(first)}${more > 0 ? html` <span class="state">${t("alert.more", { n: more })}</span>` : nothing}`;
}

export function stateOf(alert: Alert): string {
  const held = alert.status === "accepted" || alert.status === "acting";
  const parts = [
    held
      ? t("alert.held_by", {
          name: alert.accepted_by ?? "–",
          at: alert.review_ms === null ? "–" : clockTime(alert.review_ms),
        })
      : t("alert.waiting"),
  ];
  if (alert.awaiting_repeat) parts.push(t("alert.awaiting_repeat"));
  if (alert.late) parts.push(t("alert.late"));
  return parts.join(" · ");
}

export function about(row: Row): string {
  const parts = [
    row.age_months === null
      ? t("person.age_unknown")
      : row.age_months < 36
        ? t("person.age_months", { n: row.age_months })
        : t("person.age_years", { n: Math.floor(row.age_months / 12) }),
  ];
  if (row.sex === "female" || row.sex === "male") parts.push(t(`sex.${row.sex}`));
  if (row.day_of_illness !== null) parts.push(t("person.day_of_illness", { n: row.day_of_illness }));
  return parts.join(" · ");
}
