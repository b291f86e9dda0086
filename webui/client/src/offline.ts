// The patient's page when nobody answers: for whom, measure, what to do; all of it from this phone.

import { html, render, type TemplateResult } from "lit";
import { MeasureElement } from "./patient/measure";
import type { Pocket, Profile } from "./patient/values";
import { t } from "./shared/texts";
import { Sender } from "./sync/sender";
import { profile } from "./sync/store";

const main = document.getElementById("offline") as HTMLElement;

async function start(): Promise<void> {
  const known = await profile();
  if (known === undefined || known.pockets.length === 0) return;
  const named = /\/patient\/persons\/([^/]+)/.exec(location.pathname)?.[1];
  const [only] = known.pockets;
  const chosen = known.pockets.find((one) => one.person_id === named);
  const sender = new Sender(known.account_id);
  sender.addEventListener("standing", () => again.toggleAttribute("hidden", sender.standing.state !== "idle"));
  if (chosen !== undefined || known.pockets.length === 1) show(known, chosen ?? (only as Pocket), sender);
  else choose(known, sender);
}

const again = document.getElementById("again") as HTMLElement;

function choose(known: Profile, sender: Sender): void {
  put(
    html`<section class="card card-pad">
      <h2>${t("measure.for_whom")}</h2>
      <div class="measure-buttons">
        ${known.pockets.map((one) => html`<button @click=${() => show(known, one, sender)}>${one.name}</button>`)}
      </div>
    </section>`,
  );
}

function show(known: Profile, pocket: Pocket, sender: Sender): void {
  const element = new MeasureElement(known, sender);
  element.pocket = pocket;
  put(html`<h1 class="hello">${pocket.name}</h1>${element}`);
}

/** Shows this and nothing else. */
function put(shown: TemplateResult): void {
  const place = document.createElement("div");
  place.className = "patient";
  render(shown, place);
  main.replaceChildren(place);
}

void start();
