// What to do now, after a reading: in large words, with whom to call, until it has been read.

import { html, nothing, type TemplateResult } from "lit";
import { levelName } from "../shared/level";
import { shape } from "../shared/parts";
import { clockTime, number, t } from "../shared/texts";
import type { Advice } from "../sync/store";
import { smsHref, smsText, telHref } from "./sms";
import { hasVoice } from "./speak";
import { NAMES, type Pocket, type Values } from "./values";

const ORANGE = 2;
const RED = 3;

export interface Shown {
  advice: Advice;
  pocket: Pocket;
  /** Whether the server has the reading: then somebody has been told. */
  sent: boolean;
  pressed: (code: string) => void;
  aloud: () => void;
}

/** The advice in one text, for the voice. */
export function adviceWords({ level, values }: Advice, sent: boolean): string {
  const name = levelName(level);
  const said = [t(`advice.${name}_title`), t(`measure.advice.${name}`), numbers(values)];
  if (sent && level >= ORANGE) said.push(t("measure.told"));
  return said.join(". ");
}

export function numbers(values: Values): string {
  return NAMES.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [`${t(`measure.${name}`)} ${number(value)} ${t(`measure.${name}_unit`)}`];
  }).join(", ");
}

export function adviceCard(shown: Shown): TemplateResult {
  const { advice, pocket, sent } = shown;
  const name = levelName(advice.level);
  return html`<section class="card advice measured at-${name}" role=${advice.level >= ORANGE ? "alert" : "status"}>
    ${shape(advice.level)}
    <h2>${t(`advice.${name}_title`)}</h2>
    <p>${t(`measure.advice.${name}`)}</p>
    <p class="measured-values">${numbers(advice.values)} · ${clockTime(advice.at)}</p>
    ${sent && advice.level >= ORANGE ? html`<p class="told">${t("measure.told")}</p>` : nothing}
    ${advice.level >= ORANGE ? calls(shown, pocket) : nothing}
    <div class="advice-end">
      ${hasVoice() ? html`<button class="second" @click=${shown.aloud}>${t("measure.aloud")}</button>` : nothing}
      <button class="second" @click=${() => shown.pressed("understood")}>
        ${t("measure.understood")}
      </button>
    </div>
  </section>`;
}

function calls({ advice, sent, pressed }: Shown, pocket: Pocket): TemplateResult {
  return html`<div class="advice-calls">
    ${
      advice.level >= RED
        ? html`<a class="emergency" href="tel:115" @click=${() => pressed("called_115")}>${t("measure.call_115")}</a>`
        : nothing
    }
    ${
      pocket.station_phone === null
        ? nothing
        : html`<a class="button" href=${telHref(pocket.station_phone)} @click=${() => pressed("called_station")}
            >${t("measure.call_station", { number: pocket.station_phone })}</a
          >`
    }
    ${
      pocket.sms_number === null || sent
        ? nothing
        : html`<a class="button second" href=${smsHref(pocket.sms_number, smsText(advice.values))} @click=${() => pressed("sms_opened")}
            >${t("measure.sms")}</a
          >`
    }
  </div>`;
}
