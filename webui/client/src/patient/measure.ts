// One thing at a time: measure or type, look at the result, know what to do.

import { LitElement, html, nothing, type TemplateResult } from "lit";
import { t } from "../shared/texts";
import { Sender } from "../sync/sender";
import type { Advice } from "../sync/store";
import { adviceCard, adviceWords } from "./advice";
import { Book, type Origin } from "./book";
import { typedForm } from "./form";
import { Measuring, canMeasure } from "./sensor";
import { speak } from "./speak";
import { check, differing, isUnusual, mayBeSwapped, type Checked } from "./typed";
import type { Name, Pocket, Profile, Values } from "./values";
import { waitingLine } from "./waiting";

const ORANGE = 2;

type Step =
  | { kind: "idle" }
  | { kind: "sensor"; measuring: Measuring }
  | { kind: "typing"; problems: Checked["problems"] }
  | { kind: "again"; first: Values }
  | { kind: "result"; advice: Advice };

export class MeasureElement extends LitElement {
  static override properties = { pocket: { attribute: false }, lastSpo2: { attribute: false } };
  declare pocket: Pocket;
  declare lastSpo2: number | null;
  private step: Step = { kind: "idle" };
  private book!: Book;

  constructor(
    private readonly profile: Profile,
    private readonly sender: Sender,
  ) {
    super();
    this.lastSpo2 = null;
  }

  override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.book = new Book(this.profile.account_id, this.pocket, this.sender);
    this.sender.addEventListener("standing", () => this.requestUpdate());
    void this.book.unread().then((advice) => {
      if (advice !== undefined && this.step.kind === "idle") this.go({ kind: "result", advice });
    });
    void this.sender.wake();
  }

  private go(step: Step): void {
    this.step = step;
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector("input")?.focus());
  }

  override render(): TemplateResult {
    return html`${this.now()}${waitingLine(this.sender.standing)}`;
  }

  private now(): TemplateResult {
    const { step } = this;
    if (step.kind === "sensor") return step.measuring.render();
    if (step.kind === "typing") return this.form(step.problems);
    if (step.kind === "again") return this.second(step.first);
    const start = html`<div class="measure-start">
      ${canMeasure() ? html`<button class="measure-now" @click=${this.measure}>${t("measure.now")}</button>` : nothing}
      <button class=${canMeasure() ? "quiet" : "measure-now"} @click=${() => this.go({ kind: "typing", problems: {} })}>
        ${t("measure.type")}
      </button>
    </div>`;
    return step.kind === "result" ? html`${this.result(step.advice)}${start}` : start;
  }

  private form(problems: Checked["problems"]): TemplateResult {
    return typedForm({
      problems,
      swapped: false,
      send: (fields) => this.typed(fields),
      back: () => this.go({ kind: "idle" }),
    });
  }

  private second(first: Values): TemplateResult {
    return typedForm({
      problems: {},
      again: Object.keys(first) as Name[],
      swapped: mayBeSwapped(first),
      send: (fields) => this.retyped(first, fields),
      back: () => this.go({ kind: "typing", problems: {} }),
    });
  }

  private typed(fields: Partial<Record<Name, string>>): void {
    const { values, problems } = check(fields, this.pocket.rules);
    if (Object.keys(problems).length > 0) return this.go({ kind: "typing", problems });
    if (isUnusual(values, this.pocket.rules, this.lastSpo2)) return this.go({ kind: "again", first: values });
    void this.enter(values, { kind: "typed" });
  }

  private retyped(first: Values, fields: Partial<Record<Name, string>>): void {
    const { values } = check(fields, this.pocket.rules);
    const wrong = differing(first, values);
    if (wrong.length === 0) return void this.enter(values, { kind: "typed" });
    const problems = Object.fromEntries(wrong.map((name) => [name, { key: "differs" as const }]));
    this.go({ kind: "typing", problems });
  }

  private readonly measure = (): void => {
    const measuring = new Measuring({
      changed: () => this.requestUpdate(),
      done: (values, origin) => void this.enter(values, origin),
      type: () => this.go({ kind: "typing", problems: {} }),
      stopped: () => this.go({ kind: "idle" }),
    });
    this.go({ kind: "sensor", measuring });
  };

  private async enter(values: Values, origin: Origin): Promise<void> {
    const advice = await this.book.enter(values, origin);
    document.dispatchEvent(new Event("telehealth-measured"));
    this.go({ kind: "result", advice });
    if (advice.level >= ORANGE && speak(adviceWords(advice, false))) await this.book.pressed("read_aloud", advice);
  }

  private result(advice: Advice): TemplateResult {
    const { taken } = this.sender.standing;
    const sent = taken.some((item) => item.readings.some((one) => one.at === advice.at));
    return adviceCard({
      advice,
      pocket: this.pocket,
      sent,
      pressed: (code) => void this.pressed(code, advice),
      aloud: () => void (speak(adviceWords(advice, sent)) && this.book.pressed("read_aloud", advice)),
    });
  }

  private async pressed(code: string, advice: Advice): Promise<void> {
    await this.book.pressed(code, advice);
    if (code === "understood") this.go({ kind: "idle" });
  }
}

customElements.define("th-measure", MeasureElement);
