// The guided form: the numbers from a device's display, typed once, and twice if unusual.

import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { number, t } from "../shared/texts";
import type { Problem } from "./typed";
import type { Name } from "./values";

const ALWAYS: readonly Name[] = ["spo2_percent", "pulse_per_min"];
const MORE: readonly Name[] = ["temperature_celsius", "respiration_per_min"];

export interface Form {
  problems: Partial<Record<Name, Problem>>;
  /** The fields of the second entry, which begin empty; undefined: this is the first. */
  again?: Name[];
  swapped: boolean;
  send: (fields: Partial<Record<Name, string>>) => void;
  back: () => void;
}

export function typedForm(form: Form): TemplateResult {
  const { again, problems } = form;
  const shown = again ?? ALWAYS;
  const open = MORE.some((name) => problems[name] !== undefined);
  const shape = html`<form class="card card-pad measure-form" novalidate @submit=${(event: SubmitEvent) => submit(event, form)}>
    <h2>${t(again ? "measure.again_title" : "measure.type_title")}</h2>
    <p class="hint">${t(again ? "measure.again_hint" : "measure.type_hint")}</p>
    ${form.swapped ? html`<p class="note warn">${t("measure.swapped")}</p>` : nothing}
    ${shown.map((name) => field(name, problems[name]))}
    ${
      again
        ? nothing
        : html`<details ?open=${open}>
            <summary>${t("measure.more")}</summary>
            ${MORE.map((name) => field(name, problems[name]))}
          </details>`
    }
    <div class="measure-buttons">
      <button>${t(again ? "measure.confirm" : "measure.done")}</button>
      <button type="button" class="quiet" @click=${form.back}>${t("measure.back")}</button>
    </div>
  </form>`;
  return html`${keyed(again === undefined, shape)}`;
}

function field(name: Name, problem: Problem | undefined): TemplateResult {
  const id = `measure-${name}`;
  return html`<div class="field">
    <label for=${id}>${t(`measure.${name}`)} <span class="unit">${t(`measure.${name}_unit`)}</span></label>
    <input
      id=${id}
      name=${name}
      inputmode="decimal"
      autocomplete="off"
      maxlength="5"
      aria-invalid=${problem === undefined ? "false" : "true"}
      aria-describedby=${problem === undefined ? nothing : `${id}-problem`}
    />
    ${problem === undefined ? nothing : html`<p class="problem" id="${id}-problem" role="alert">${words(problem)}</p>`}
  </div>`;
}

function words({ key, low, high }: Problem): string {
  return t(`measure.problem.${key}`, { low: number(low), high: number(high) });
}

function submit(event: SubmitEvent, form: Form): void {
  event.preventDefault();
  event.stopPropagation();
  form.send(Object.fromEntries(new FormData(event.target as HTMLFormElement)) as Partial<Record<Name, string>>);
}
