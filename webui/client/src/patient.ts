// The patient's own page: how it stands, what to do, the values, and whether the sensor is there.

import { LitElement, html } from "lit";
import { sync } from "./shared/clock";
import { openLine } from "./shared/line";
import { isFresh, levelName, newest, shape, valueBox, type LiveSample } from "./shared/parts";
import { makeReady } from "./patient/offline_ready";
import { MeasureElement } from "./patient/measure";
import type { Profile } from "./patient/values";
import { embedded, t } from "./shared/texts";
import { Sender } from "./sync/sender";
import type { Changes, Row } from "./shared/types";

interface Data {
  now: number;
  cursor: number;
  person_id: string;
  row: Row | null;
  unusable: number;
  profile: Profile;
}

const data = embedded<Data>("data");
sync(data.now);
let sample: LiveSample | undefined;
const changed = new EventTarget();

function take(changes: Changes): void {
  const row = changes.rows?.[0];
  if (row !== undefined) data.row = row;
  for (const message of changes.samples ?? []) sample = newest(sample, message, data.unusable);
  changed.dispatchEvent(new Event("changed"));
}

abstract class Island extends LitElement {
  override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    this.replaceChildren();
    super.connectedCallback();
    changed.addEventListener("changed", () => this.requestUpdate());
    setInterval(() => this.requestUpdate(), 5_000);
  }

  protected get row(): Row {
    return data.row as Row;
  }
}

class AdviceElement extends Island {
  override render() {
    const name = levelName(this.row.level);
    return html`<section class="card advice at-${name}" aria-live="polite">
      ${shape(this.row.level)}
      <h2>${t(`advice.${name}_title`)}</h2>
      <p>${t(`advice.${name}`)}</p>
    </section>`;
  }
}

class NowElement extends Island {
  override render() {
    const live = isFresh(sample) ? sample : undefined;
    const unit = t("unit.per_min");
    return html`${valueBox(t("vital.spo2_long"), "%", this.row.spo2, live?.spo2 ?? null, live?.off ?? false)}
    ${valueBox(t("vital.pulse_long"), unit, this.row.pulse, live?.pulse ?? null, false)}`;
  }
}

class SensorElement extends Island {
  private get state(): string {
    if (this.row.device_id === null) return "none";
    if (isFresh(sample)) return sample.off ? "finger_off" : "on";
    return this.row.device_connected ? "on" : "off";
  }

  override render() {
    const state = this.state;
    return html`<section class="card sensor ${state === "on" ? "" : "off"}" aria-live="polite">
      <span class="sensor-dot" aria-hidden="true"></span>
      <div>
        <h2>${t(`sensor.${state}`)}</h2>
        <p class="hint">${t(`sensor.${state}_hint`)}</p>
      </div>
    </section>`;
  }
}

customElements.define("th-advice", AdviceElement);
customElements.define("th-now", NowElement);
customElements.define("th-sensor", SensorElement);
openLine(data.person_id, data.cursor, take);

const wanted = document.getElementById("wanted");
document.addEventListener("telehealth-notice", (event) => {
  const { kind, person_id: whose } = (event as CustomEvent<{ kind?: string; person_id?: string }>).detail;
  if (kind === "measure_please" && whose === data.person_id && wanted !== null) wanted.hidden = false;
});
document.addEventListener("telehealth-measured", () => {
  if (wanted !== null) wanted.hidden = true;
});

const pocket = data.profile.pockets.find((one) => one.person_id === data.person_id);
const place = document.getElementById("measure");
if (pocket !== undefined && place !== null) {
  const element = new MeasureElement(data.profile, new Sender(data.profile.account_id));
  element.pocket = pocket;
  element.lastSpo2 = data.row?.spo2?.value ?? null;
  place.replaceChildren(element);
}
void makeReady(data.profile);
