// The doctor's list: rows by risk, alive, held still under the pointer; alerts to accept beside it.

import { LitElement, html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { sync } from "./shared/clock";
import { openLine } from "./shared/line";
import { heldOrder, riskOrder } from "./shared/order";
import {
  about,
  isFresh,
  levelChip,
  levelName,
  newest,
  shape,
  spark,
  stateOf,
  valueBox,
  why,
  type LiveSample,
} from "./shared/parts";
import { embedded, signedNumber, t } from "./shared/texts";
import type { Alert, Changes, Row } from "./shared/types";

interface Data {
  now: number;
  cursor: number;
  rows: Row[];
  desk: Alert[];
  unusable: number;
}

const HOLD_AFTER_TOUCH_MS = 4_000;
const WAITING = new Set(["raised", "notified"]);

class DoctorElement extends LitElement {
  private rows = new Map<string, Row>();
  private samples = new Map<string, LiveSample>();
  private desk: Alert[] = [];
  private order: string[] = [];
  private held = false;
  private release: ReturnType<typeof setTimeout> | undefined;
  private unusable = 0;

  override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    const data = embedded<Data>("data");
    sync(data.now);
    this.unusable = data.unusable;
    this.desk = data.desk;
    for (const row of data.rows) this.rows.set(row.person_id, row);
    this.order = riskOrder(this.rows);
    this.replaceChildren();
    super.connectedCallback();
    openLine(null, data.cursor, (changes) => this.take(changes));
    setInterval(() => {
      if (this.samples.size > 0) this.requestUpdate();
    }, 5_000);
  }

  private take(changes: Changes): void {
    if (changes.whole) this.rows.clear();
    for (const row of changes.rows ?? []) this.rows.set(row.person_id, row);
    for (const message of changes.samples ?? []) {
      const found = newest(this.samples.get(message.person_id), message, this.unusable);
      if (found !== undefined) this.samples.set(message.person_id, found);
    }
    if (changes.desk !== undefined) this.desk = changes.desk;
    this.requestUpdate();
  }

  private hold = (): void => {
    clearTimeout(this.release);
    this.held = true;
    this.requestUpdate();
  };

  private letGo = (event: PointerEvent | FocusEvent): void => {
    clearTimeout(this.release);
    const touch = event instanceof PointerEvent && event.pointerType === "touch";
    this.release = setTimeout(
      () => {
        this.held = false;
        this.requestUpdate();
      },
      touch ? HOLD_AFTER_TOUCH_MS : 150,
    );
  };

  override render() {
    const wanted = riskOrder(this.rows);
    this.order = this.held ? heldOrder(this.order, this.rows) : wanted;
    const waits = this.held && this.order.some((id, i) => id !== wanted[i]);
    return html`${this.worklist()}
      <section class="list" aria-labelledby="people">
        <h2 id="people" class="visually-hidden">${t("list.title")}</h2>
        <p class="held" role="status">
          ${this.held ? t(waits ? "list.held_changed" : "list.held") : nothing}
        </p>
        ${
          this.order.length === 0
            ? html`<p class="card empty">${t("list.none")}</p>`
            : html`<ol
                class="card rows"
                @pointerenter=${this.hold}
                @pointerleave=${this.letGo}
                @focusin=${this.hold}
                @focusout=${this.letGo}
              >
                ${repeat(
                  this.order,
                  (id) => id,
                  (id) => this.row(this.rows.get(id) as Row),
                )}
              </ol>`
        }
      </section>`;
  }

  private worklist() {
    const tasks = [...this.rows.values()]
      .flatMap((row) => row.alerts.map((alert) => ({ row: row as Row | null, alert })))
      .filter(({ alert }) => WAITING.has(alert.status))
      .sort((a, b) => b.alert.level - a.alert.level || a.alert.raised_ms - b.alert.raised_ms);
    tasks.push(...this.desk.map((alert) => ({ row: null, alert })));
    return html`<section class="card worklist" aria-labelledby="work">
      <div class="worklist-head">
        <h2 id="work">${t("work.title")}</h2>
        <span class="count ${tasks.length === 0 ? "none" : ""}">${tasks.length}</span>
      </div>
      ${
        tasks.length === 0
          ? html`<p class="empty">${t("work.none")}</p>`
          : html`<ul class="tasks" aria-live="polite">
              ${repeat(
                tasks,
                ({ alert }) => alert.alert_id,
                ({ row, alert }) => this.task(row, alert),
              )}
            </ul>`
      }
    </section>`;
  }

  private task(row: Row | null, alert: Alert) {
    const page = row === null ? "/doctor/desk" : `/doctor/persons/${row.person_id}`;
    const name = row?.name ?? t("work.nobodys", { device: alert.device_id ?? "–" });
    return html`<li class="task" data-alert=${alert.alert_id}>
      <a href="${page}#alert-${alert.alert_id}">
        ${shape(alert.level)}
        <span class="task-name"
          ><span class="visually-hidden">${t(`level.${levelName(alert.level)}`)}: </span>${name}</span
        >
        <th-age class="age" .at=${alert.raised_ms}></th-age>
        <span class="task-why">${why(alert)}</span>
        <span class="task-state">${stateOf(alert)}</span>
      </a>
    </li>`;
  }

  private row(row: Row) {
    const sample = this.samples.get(row.person_id);
    const live = isFresh(sample) ? sample : undefined;
    return html`<li class="row at-${levelName(row.level)}" data-person=${row.person_id}>
      <div class="row-level">${levelChip(row.level)}</div>
      <div class="row-name">
        <a href="/doctor/persons/${row.person_id}">${row.name}</a>
        <div class="about">${about(row)}</div>
      </div>
      <div class="row-spo2">${valueBox("SpO₂", "%", row.spo2, live?.spo2 ?? null, live?.off ?? false)}</div>
      <div class="row-pulse">${valueBox(t("vital.pulse"), t("unit.per_min"), row.pulse, live?.pulse ?? null, false)}</div>
      <div class="row-trend">
        ${spark(row)}
        ${
          row.change === null
            ? nothing
            : html`<span class="change ${row.fell ? "down" : ""}"
                >${t("list.change", { n: signedNumber(row.change) })}</span
              >`
        }
      </div>
      <ul class="row-alerts">${row.alerts.map(
        (alert) =>
          html`<li>${shape(alert.level)}<span>${why(alert)} <span class="state line">${stateOf(alert)}</span></span></li>`,
      )}</ul>
      <form class="row-call" method="post" action="/api/v1/calls">
        <input type="hidden" name="person_id" value=${row.person_id} />
        <button class="second" aria-label=${t("call.name", { name: row.name })}>
          <svg aria-hidden="true"><use href="#icon-call" /></svg>${t("call.short")}
        </button>
      </form>
    </li>`;
  }
}

customElements.define("th-doctor", DoctorElement);
