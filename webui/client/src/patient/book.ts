// One person's measuring on this phone: the reading is kept first, then judged, shown and sent.

import { queued, type Reading } from "../sync/queue";
import type { Sender } from "../sync/sender";
import { adviceOf, change, dropAdvice, keepAdvice, type Advice } from "../sync/store";
import { levelName } from "../shared/level";
import { levelOf } from "./judge";
import type { Pocket, Values } from "./values";

const ORANGE = 2;

/** How a reading came to be: typed, or by which family of sensor. */
export interface Origin {
  kind: "spot" | "typed";
  family?: string;
  quality?: number;
}

export class Book {
  constructor(
    private readonly account: string,
    readonly pocket: Pocket,
    private readonly sender: Sender,
  ) {}

  /** Keeps a reading with the advice that is shown for it; returns that advice. */
  async enter(values: Values, origin: Origin): Promise<Advice> {
    const { person_id: person, rules } = this.pocket;
    const at = Date.now();
    const level = levelOf(values, rules);
    const advice = { account: this.account, person, level, values, at, rules: rules.rules };
    const reading: Reading = { kind: origin.kind, at, record: crypto.randomUUID(), ...values };
    if (origin.quality) reading.quality = origin.quality;
    await change(this.account, (queue) =>
      queued(queue, {
        person,
        device: queue.stream.phone + (origin.family ? `:${origin.family}` : ""),
        readings: [reading],
        shown: [{ code: `advice_${levelName(level)}`, at, reading_at: at }],
        rules: rules.rules,
        queued_ms: at,
      }),
    );
    if (level >= ORANGE) await keepAdvice(advice);
    void this.sender.wake();
    return advice;
  }

  /** The advice that was shown before the page was closed, and not read yet. */
  unread(): Promise<Advice | undefined> {
    return adviceOf(this.account, this.pocket.person_id);
  }

  /** Notes what was pressed under an advice; `understood` lets it go. */
  async pressed(code: string, advice: Advice): Promise<void> {
    const at = Date.now();
    if (code === "understood") await dropAdvice(this.account, this.pocket.person_id);
    await change(this.account, (queue) =>
      queued(queue, {
        person: this.pocket.person_id,
        device: queue.stream.phone,
        readings: [],
        shown: [{ code, at, reading_at: advice.at }],
        rules: advice.rules,
        queued_ms: at,
      }),
    );
    void this.sender.wake();
  }
}
