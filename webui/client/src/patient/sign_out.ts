// Signing out empties this phone: what waits is sent first, and is not thrown away unasked.

import { t } from "../shared/texts";
import { Sender } from "../sync/sender";
import { profile } from "../sync/store";

/** Holds a sign-out back while readings wait: sends them, or asks. */
export function guardSignOut(form: HTMLFormElement): void {
  form.addEventListener("submit", (event) => {
    if (form.dataset["sure"] !== undefined) return;
    event.preventDefault();
    event.stopPropagation();
    void leave(form);
  });
}

async function leave(form: HTMLFormElement): Promise<void> {
  const left = await unsent().catch(() => 0);
  if (left > 0 && !confirm(t("measure.sign_out", { n: left }))) return;
  form.dataset["sure"] = "";
  form.requestSubmit();
}

async function unsent(): Promise<number> {
  const known = await profile();
  if (known === undefined) return 0;
  const sender = new Sender(known.account_id);
  await sender.wake();
  return sender.standing.waiting.length;
}
