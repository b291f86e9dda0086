// Measuring by a sensor of one's own over Web Bluetooth, in words and large numbers.

import { html, nothing, type TemplateResult } from "lit";
import { BluetoothProblem, choose, isAvailable, measure, type Problem } from "../bluetooth/oximeter";
import type { SpotCheck } from "../bluetooth/plateau";
import type { Progress } from "../bluetooth/progress";
import { qualityNames } from "../bluetooth/quality";
import { number, t } from "../shared/texts";
import { stayAwake } from "./awake";
import type { Origin } from "./book";
import type { Values } from "./values";

/** The id of the device that was chosen last, by which a browser that keeps permissions finds it. */
const CHOSEN = "oximeter";

export interface Ears {
  changed: () => void;
  done: (values: Values, origin: Origin) => void;
  /** The person would rather type. */
  type: () => void;
  stopped: () => void;
}

type State =
  | { kind: "choosing" }
  | { kind: "measuring"; progress: Progress }
  | { kind: "problem"; problem: Problem }
  | { kind: "no_plateau"; seen: string[] };

export function canMeasure(): boolean {
  return isAvailable();
}

/** One go at measuring; begins at once, for browsers show their chooser only upon a press. */
export class Measuring {
  private readonly over = new AbortController();
  private state: State = { kind: "choosing" };

  constructor(private readonly ears: Ears) {
    void this.run();
  }

  private async run(): Promise<void> {
    try {
      const device = await choose(localStorage.getItem(CHOSEN));
      localStorage.setItem(CHOSEN, device.id);
      stayAwake(this.over.signal);
      const { spot, family } = await measure(device, this.over.signal, (progress) =>
        this.become({ kind: "measuring", progress }),
      );
      this.ended(spot, family);
    } catch (error) {
      if (!(error instanceof BluetoothProblem)) throw error;
      if (error.code === "cancelled") this.ears.stopped();
      else this.become({ kind: "problem", problem: error.code });
    } finally {
      this.over.abort();
    }
  }

  private ended(spot: SpotCheck, family: string): void {
    const { spo2_percent: spo2, pulse_per_min: pulse, quality } = spot;
    if (spo2 === null && pulse === null) return this.become({ kind: "no_plateau", seen: qualityNames(quality) });
    const values: Values = {
      ...(spo2 === null ? {} : { spo2_percent: spo2 }),
      ...(pulse === null ? {} : { pulse_per_min: pulse }),
    };
    this.ears.done(values, { kind: "spot", family, quality });
  }

  private become(state: State): void {
    this.state = state;
    this.ears.changed();
  }

  render(): TemplateResult {
    const { state } = this;
    return html`<section class="card card-pad measuring">
      ${
        state.kind === "choosing"
          ? html`<h2>${t("bluetooth.choosing")}</h2>
              <p>${t("bluetooth.choosing_hint")}</p>`
          : state.kind === "measuring"
            ? now(state.progress)
            : html`<div role="alert">
                  <h2>${t(state.kind === "problem" ? `bluetooth.problem.${state.problem}` : "bluetooth.no_plateau")}</h2>
                </div>
                ${state.kind === "problem" ? nothing : html`<p>${t(why(state.seen))}</p>`}`
      }
      <div class="measure-buttons">
        ${
          state.kind === "problem" || state.kind === "no_plateau"
            ? html`<button @click=${this.ears.type}>${t("measure.type")}</button>`
            : nothing
        }
        <button class="second" @click=${this.stop}>${t("measure.back")}</button>
      </div>
    </section>`;
  }

  private readonly stop = (): void => {
    this.over.abort();
    this.ears.stopped();
  };
}

function now({ doing, spo2, pulse, share, hint }: Progress): TemplateResult {
  const live = spo2 !== null && doing !== "connecting";
  return html`<div role="status"><h2>${t(`bluetooth.doing.${doing}`)}</h2></div>
    <p class="live-number ${live ? "" : "none"}">${number(live ? spo2 : null)}<span class="unit">%</span></p>
    <p>${t("measure.pulse_per_min")} <strong>${number(live ? pulse : null)}</strong></p>
    <progress max="1" value=${share} aria-label=${t("bluetooth.stable")}></progress>
    <p class="hint-now" aria-live="polite">${hint === undefined ? t("bluetooth.keep") : t(`bluetooth.hint.${hint}`)}</p>
    <p class="hint">${t("bluetooth.screen")}</p>`;
}

/** The one reason that most often can be helped. */
function why(seen: readonly string[]): string {
  if (seen.includes("MOTION")) return "bluetooth.hint.still";
  if (seen.includes("WEAK_SIGNAL") || seen.includes("LOW_PERFUSION")) return "bluetooth.hint.warm";
  return "bluetooth.hint.push_in";
}
