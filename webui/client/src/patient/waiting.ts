// How many readings wait on this phone, since when, and what the server would not take.

import { html, nothing, type TemplateResult } from "lit";
import { moment, t } from "../shared/texts";
import type { Standing } from "../sync/sender";

export function waitingLine({ state, waiting, refused }: Standing): TemplateResult {
  const [first] = waiting;
  const many = first === undefined ? "" : t("measure.waiting", { n: waiting.length, at: moment(first.queued_ms) });
  return html`<div class="waiting" role="status">
    ${first === undefined ? nothing : html`<p class="waiting-many"><strong>${many}</strong> ${t(`measure.send.${state}`)}</p>`}
    ${refused.length > 0 ? html`<p class="note warn">${t("measure.refused", { n: refused.length })}</p>` : nothing}
  </div>`;
}
