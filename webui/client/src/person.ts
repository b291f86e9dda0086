// One person's page: values now, charts, alerts with what can be done about them, readings.

import { LitElement, html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type uPlot from "uplot";
import { columns, draw, summary, type Chart } from "./shared/chart";
import { now, sync } from "./shared/clock";
import { openLine } from "./shared/line";
import {
  isFresh,
  levelChip,
  levelName,
  newest,
  reasonText,
  shape,
  stateOf,
  valueBox,
  type LiveSample,
} from "./shared/parts";
import { clockTime, embedded, moment, number, t, useZone } from "./shared/texts";
import type { Alert, Band, Changes, Reading, Row, Series } from "./shared/types";

interface Offers {
  account_id: string;
  /** What the holder, and what anybody else, may do to an alert of a status. */
  by_status: Record<string, { holder: string[]; other: string[] }>;
  choices: Record<string, string[]>;
  review_minutes: number[];
  review_default: Record<string, number>;
}

interface Data {
  now: number;
  cursor: number;
  hours: number;
  row: Row;
  alerts: Alert[];
  readings: Reading[];
  series: Series;
  bands: { spo2: Band[]; pulse: Band[] };
  time_zone: string;
  unusable: number;
  offers: Offers;
}

const READINGS_SHOWN = 60;
const data = embedded<Data>("data");
sync(data.now);
useZone(data.time_zone);
let sample: LiveSample | undefined;
const changed = new EventTarget();

function take(changes: Changes): void {
  const row = changes.rows?.[0];
  if (row !== undefined) data.row = row;
  if (changes.alerts !== undefined) data.alerts = changes.alerts;
  for (const message of changes.samples ?? []) sample = newest(sample, message, data.unusable);
  if (changes.readings !== undefined && changes.readings.length > 0) addReadings(changes.readings);
  changed.dispatchEvent(new Event("changed"));
}

function addReadings(found: Reading[]): void {
  const byId = new Map(data.readings.map((reading) => [reading.reading_id, reading]));
  const fresh = found.filter((reading) => !byId.has(reading.reading_id));
  for (const reading of found) byId.set(reading.reading_id, reading);
  data.readings = [...byId.values()]
    .sort((a, b) => b.measured_ms - a.measured_ms || b.reading_id - a.reading_id)
    .slice(0, READINGS_SHOWN);
  const series = data.series;
  const lastMs = (series.t.at(-1) ?? 0) * 1000;
  for (const reading of fresh.sort((a, b) => a.measured_ms - b.measured_ms)) {
    if (reading.gate === "rejected" || reading.measured_ms <= lastMs) continue;
    series.t.push(Math.floor(reading.measured_ms / 1000));
    series.spo2.push(reading.spo2_percent);
    series.spo2_min.push(reading.spo2_min_percent ?? reading.spo2_percent);
    series.pulse.push(reading.pulse_per_min);
    series.perfusion.push(reading.perfusion_index_percent);
  }
  series.to_ms = Math.max(series.to_ms, now());
  series.from_ms = series.to_ms - data.hours * 3_600_000;
}

/** An island that draws itself anew when the person's data change. */
abstract class Island extends LitElement {
  override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    this.replaceChildren();
    super.connectedCallback();
    changed.addEventListener("changed", () => this.requestUpdate());
  }
}

class LevelElement extends Island {
  override render() {
    return levelChip(data.row.level);
  }
}

class NowElement extends Island {
  override connectedCallback(): void {
    super.connectedCallback();
    setInterval(() => this.requestUpdate(), 5_000);
  }

  override render() {
    const live = isFresh(sample) ? sample : undefined;
    const last = data.readings.find((reading) => reading.perfusion_index_percent !== null);
    const perfusion =
      last === undefined
        ? null
        : { value: last.perfusion_index_percent as number, at_ms: last.measured_ms };
    return html`${valueBox("SpO₂", "%", data.row.spo2, live?.spo2 ?? null, live?.off ?? false)}
    ${valueBox(t("vital.pulse"), t("unit.per_min"), data.row.pulse, live?.pulse ?? null, false)}
    ${valueBox(t("vital.perfusion"), "%", perfusion, live?.perfusion ?? null, false)}`;
  }
}

const CHARTS: Chart[] = [
  {
    title: "SpO₂",
    unit: "%",
    lines: [
      { values: "spo2", colour: "#0b5f66", width: 2 },
      { values: "spo2_min", colour: "#5c7f86", width: 1, dash: [3, 3] },
    ],
    bands: data.bands.spo2,
    range: (low) => [Math.min(86, Math.floor((low ?? 90) - 1)), 100.5],
    height: 230,
    withMarks: true,
    withTimes: false,
  },
  {
    title: t("vital.pulse"),
    unit: t("unit.per_min"),
    lines: [{ values: "pulse", colour: "#3d3f8f", width: 2 }],
    bands: data.bands.pulse,
    range: (low, high) => [Math.min(45, (low ?? 60) - 5), Math.max(125, (high ?? 100) + 5)],
    height: 160,
    withMarks: true,
    withTimes: false,
  },
  {
    title: t("vital.perfusion"),
    unit: "%",
    lines: [{ values: "perfusion", colour: "#6a4b2a", width: 1.5 }],
    bands: [],
    range: (_low, high) => [0, Math.max(6, (high ?? 0) * 1.1)],
    height: 130,
    withMarks: false,
    withTimes: true,
  },
];

class ChartsElement extends Island {
  private plots: uPlot[] = [];

  override firstUpdated(): void {
    this.querySelectorAll<HTMLElement>(".chart").forEach((figure, i) => {
      const chart = CHARTS[i] as Chart;
      const box = figure.querySelector<HTMLElement>(".chart-box") as HTMLElement;
      const at = figure.querySelector<HTMLElement>(".at") as HTMLElement;
      this.plots.push(draw(chart, () => data.series, box, (text) => (at.textContent = text)));
    });
    changed.addEventListener("changed", () => this.renew());
    new ResizeObserver(() => this.fit()).observe(this);
  }

  private renew(): void {
    this.plots.forEach((plot, i) => plot.setData(columns(CHARTS[i] as Chart, data.series)));
  }

  private fit(): void {
    this.plots.forEach((plot, i) => {
      const box = plot.root.parentElement as HTMLElement;
      plot.setSize({ width: Math.max(240, box.clientWidth), height: (CHARTS[i] as Chart).height });
    });
  }

  override render() {
    return html`${CHARTS.map(
      (chart) =>
        html`<figure class="chart">
          <figcaption class="chart-title"><span>${chart.title}</span><span class="at"></span></figcaption>
          <div class="chart-box" role="img" aria-label=${summary(chart, data.series)}></div>
          ${this.key(chart)}
        </figure>`,
    )}`;
  }

  private key(chart: Chart) {
    if (chart.bands.length === 0 && !chart.withMarks) return nothing;
    return html`<p class="key">
      ${chart.bands.map(
        (band) =>
          html`<span
            ><i class="band-${band.level}"></i>${t(band.is_low ? "chart.low" : "chart.high", {
              level: t(`level.${band.level}`).toLowerCase(),
              limit: number(band.limit),
            })}</span
          >`,
      )}
      ${chart.lines.length > 1 ? this.lines() : nothing}
    </p>`;
  }

  private lines() {
    return html`<span><i class="line"></i>${t("chart.line")}</span>
      <span><i class="line dashed"></i>${t("chart.min")}</span>
      <span>${shape(3)}${t("chart.alert")}</span>
      <span><i class="tick"></i>${t("chart.finger_off")} / ${t("chart.disconnected")}</span>`;
  }
}

class AlertsElement extends Island {
  override render() {
    if (data.alerts.length === 0) return html`<p class="card empty">${t("alert.none")}</p>`;
    return repeat(
      data.alerts,
      (alert) => alert.alert_id,
      (alert) => this.alert(alert),
    );
  }

  private alert(alert: Alert) {
    const open = alert.closed_ms === null;
    return html`<article
      class="card alert at-${open ? levelName(alert.level) : "closed"}"
      id="alert-${alert.alert_id}"
    >
      <div class="alert-body">
        <div class="alert-head">
          ${open ? levelChip(alert.level) : html`<span class="tag">${t(`status.${alert.status}`)}</span>`}
          <span class="age">${moment(alert.raised_ms)}</span>
        </div>
        <ul class="why">
          ${
            alert.reasons.length === 0
              ? html`<li>${t(`cause.${alert.cause}`)}</li>`
              : alert.reasons.map(
                  (reason) =>
                    html`<li>
                      ${reasonText(reason)}${
                        reason.source
                          ? html`<span class="source">${t("alert.source")}: ${reason.source}</span>`
                          : nothing
                      }
                    </li>`,
                )
          }
        </ul>
        ${open ? html`<p class="sub">${stateOf(alert)}</p>` : this.closing(alert)}
        ${open ? this.offers(alert) : nothing} ${this.history(alert)}
      </div>
    </article>`;
  }

  private closing(alert: Alert) {
    if (alert.close_reason === null || alert.closed_ms === null) return nothing;
    const group = alert.status === "noise" ? "noise" : "resolve";
    return html`<p class="sub">${t(`${group}.${alert.close_reason}`)} · ${moment(alert.closed_ms)}</p>`;
  }

  private offers(alert: Alert) {
    const offers = data.offers;
    const holder = alert.accepted_by_id === offers.account_id;
    const can = offers.by_status[alert.status]?.[holder ? "holder" : "other"] ?? [];
    const action = `/doctor/alerts/${alert.alert_id}`;
    return html`${
      can.includes("accept")
        ? html`<form method="post" action=${action} class="accept">
            <input type="hidden" name="action" value="accept" />
            <div class="two">
              ${this.choice(alert, "why", "reason", t("act.what"), offers.choices["accept"] ?? [])}
              <div class="field">
                <label for="when-${alert.alert_id}">${t("act.again")}</label>
                <select id="when-${alert.alert_id}" name="review_minutes">
                  ${offers.review_minutes.map(
                    (minutes) =>
                      html`<option
                        value=${minutes}
                        ?selected=${minutes === offers.review_default[alert.priority]}
                      >
                        ${
                          minutes < 60
                            ? t("act.in_minutes", { n: minutes })
                            : t("act.in_hours", { n: minutes / 60 })
                        }
                      </option>`,
                  )}
                </select>
              </div>
            </div>
            <button>${t(alert.accepted_by === null ? "act.accept" : "act.take_over")}</button>
          </form>`
        : nothing
    }
    ${
      can.includes("act")
        ? html`<form method="post" action=${action}>
            <input type="hidden" name="action" value="act" />
            <button>${t("act.act")}</button>
          </form>`
        : nothing
    }
    ${can.filter((name) => name === "resolve" || name === "noise").map((name) => this.close(alert, name))}`;
  }

  private close(alert: Alert, name: string) {
    return html`<details ?open=${name === "resolve"}>
      <summary>${t(`act.${name}`)}</summary>
      <form method="post" action="/doctor/alerts/${alert.alert_id}">
        <input type="hidden" name="action" value=${name} />
        ${this.choice(alert, name, "reason", t(`act.how_${name}`), data.offers.choices[name] ?? [])}
        <div class="field">
          <label for="${name}-note-${alert.alert_id}">${t("act.note")}</label>
          <textarea id="${name}-note-${alert.alert_id}" name="note" maxlength="500"></textarea>
        </div>
        <button class=${name === "noise" ? "second" : ""}>${t(`act.do_${name}`)}</button>
      </form>
    </details>`;
  }

  private choice(alert: Alert, id: string, name: string, label: string, keys: string[]) {
    return html`<div class="field">
      <label for="${id}-${alert.alert_id}">${label}</label>
      <select id="${id}-${alert.alert_id}" name=${name}>
        ${keys.map((key) => html`<option value=${key.split(".")[1] ?? key}>${t(key)}</option>`)}
      </select>
    </div>`;
  }

  private history(alert: Alert) {
    if (alert.steps.length === 0) return nothing;
    return html`<details>
      <summary>${t("alert.history")}</summary>
      <ol class="steps">
        ${alert.steps.map(
          (step) =>
            html`<li>
              ${moment(step.at_ms)} · ${t(`step.${step.action}`)}${step.actor === null ? "" : ` · ${step.actor}`}${
                step.reason === null ? "" : ` · ${t(`${step.action}.${step.reason}`)}`
              }${step.note === null ? nothing : html`<br />“${step.note}”`}
            </li>`,
        )}
      </ol>
    </details>`;
  }
}

class ReadingsElement extends Island {
  override render() {
    return html`<table>
      <thead>
        <tr>
          <th scope="col">${t("readings.when")}</th>
          <th scope="col">${t("readings.level")}</th>
          <th scope="col" class="number">SpO₂ %</th>
          <th scope="col" class="number">${t("readings.lowest")}</th>
          <th scope="col" class="number">${t("vital.pulse")}</th>
          <th scope="col" class="number">PI %</th>
          <th scope="col" class="number">${t("vital.respiration")}</th>
          <th scope="col" class="number">°C</th>
          <th scope="col" class="number">NEWS2</th>
          <th scope="col">${t("readings.kind")}</th>
          <th scope="col">${t("readings.remarks")}</th>
        </tr>
      </thead>
      <tbody>
        ${
          data.readings.length === 0
            ? html`<tr><td colspan="11" class="empty">${t("readings.none")}</td></tr>`
            : repeat(
                data.readings,
                (reading) => reading.reading_id,
                (reading) => this.reading(reading),
              )
        }
      </tbody>
    </table>`;
  }

  private reading(reading: Reading) {
    const { news2_lower: low, news2_upper: high } = reading;
    return html`<tr class=${reading.gate === "rejected" ? "low" : ""}>
      <td>${moment(reading.measured_ms)}</td>
      <td>${reading.level === null ? "–" : levelChip(reading.level)}</td>
      <td class="number"><strong>${number(reading.spo2_percent)}</strong></td>
      <td class="number">${number(reading.spo2_min_percent)}</td>
      <td class="number">${number(reading.pulse_per_min)}</td>
      <td class="number">${number(reading.perfusion_index_percent)}</td>
      <td class="number">${number(reading.respiration_per_min)}</td>
      <td class="number">${number(reading.temperature_celsius)}</td>
      <td class="number">${low === null ? "–" : low === high ? low : `${low}–${high}`}</td>
      <td>${t(`kind.${reading.kind}`)}</td>
      <td>
        ${
          reading.gate === "accepted"
            ? nothing
            : html`<span class="tag warn">${t(`gate.${reading.gate}`)}</span> `
        }${reading.quality_reasons.map(
          (code) => html`<span class="tag">${t(`quality.${code}`)}</span> `,
        )}${reading.late ? html`<span class="tag">${t("readings.late")}</span> ` : nothing}${
          reading.time_uncertain
            ? html`<span class="tag warn">${t("readings.uncertain")}</span> `
            : nothing
        }${reading.on_phone.map(
          (one) =>
            html`<span class="tag">${t(`on_phone.${one.code}`, { at: clockTime(one.at_ms) })}</span> `,
        )}
      </td>
    </tr>`;
  }
}

customElements.define("th-level", LevelElement);
customElements.define("th-now", NowElement);
customElements.define("th-charts", ChartsElement);
customElements.define("th-alerts", AlertsElement);
customElements.define("th-readings", ReadingsElement);
openLine(data.row.person_id, data.cursor, take);
