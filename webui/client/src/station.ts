// The station's desk: fields in which a place or a person is looked up, cards read by a scanner or
// the camera, and the look whether somebody is registered already. Every page works without it.
import { t } from "./shared/texts";

interface Option {
  id: string;
  main: string;
  more: string;
}

interface Alike {
  person_id: string;
  name: string;
  born: string;
  grade: string;
  why: string;
}

const WAIT_MS = 250;

function made<K extends keyof HTMLElementTagNameMap>(
  name: K,
  className = "",
  text = "",
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

async function asked<T>(path: string, body: unknown): Promise<T | undefined> {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return (await response.json()) as T;
  } catch {
    return undefined;
  }
}

async function placesFor(text: string, within: string): Promise<Option[]> {
  const query = new URLSearchParams({ q: text, ...(within ? { within } : {}) });
  try {
    const response = await fetch(`/api/v1/places?${query}`);
    const found = (await response.json()) as {
      places?: { place_id: string; path: string; today: { place_id: string; path: string }[] }[];
    };
    return (found.places ?? []).map((one) => ({
      id: one.today[0]?.place_id ?? one.place_id,
      main: one.path,
      more: one.today[0] ? t("station.today_is", { path: one.today[0].path }) : "",
    }));
  } catch {
    return [];
  }
}

async function peopleFor(text: string): Promise<Option[]> {
  const found = await asked<{
    people?: { person_id: string; name: string; born: string; place: string }[];
  }>("/api/v1/people/search", { text });
  return (found?.people ?? []).map((one) => ({
    id: one.person_id,
    main: one.name,
    more: [one.born, one.place].filter(Boolean).join(" · "),
  }));
}

/** A text field with a list under it (ARIA combobox); what is chosen goes into the hidden `…_id`. */
class LookUp {
  private readonly input: HTMLInputElement;
  private readonly hidden: HTMLInputElement;
  private readonly list = made("ul", "options");
  private options: Option[] = [];
  private at = -1;
  private asking = 0;
  private timer = 0;

  constructor(private readonly field: HTMLElement, input: HTMLInputElement) {
    this.input = input;
    const chosen = field.querySelector<HTMLInputElement>(`input[name="${input.name}_id"]`);
    this.hidden = chosen ?? this.replaced();
    this.list.id = `${input.id}-options`;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", field.querySelector("label")?.textContent ?? "");
    this.list.hidden = true;
    input.after(this.list);
    for (const [name, value] of Object.entries({
      role: "combobox",
      "aria-expanded": "false",
      "aria-controls": this.list.id,
      "aria-autocomplete": "list",
    })) {
      input.setAttribute(name, value);
    }
    input.addEventListener("input", () => this.typed());
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => this.close());
  }

  /** The server's own list of candidates gives way to ours when somebody types anew. */
  private replaced(): HTMLInputElement {
    const select = this.field.querySelector("select");
    const hidden = made("input");
    hidden.type = "hidden";
    if (select) {
      this.input.addEventListener(
        "input",
        () => {
          hidden.name = select.name;
          select.replaceWith(hidden);
        },
        { once: true },
      );
    }
    return hidden;
  }

  private typed(): void {
    this.hidden.value = "";
    clearTimeout(this.timer);
    const text = this.input.value.trim();
    if (text.length < 2) return this.close();
    this.timer = setTimeout(() => void this.ask(text), WAIT_MS);
  }

  private async ask(text: string): Promise<void> {
    const turn = ++this.asking;
    const isPlace = this.field.dataset["lookUp"] === "place";
    const within = this.field.dataset["within"] ?? "";
    const found = await (isPlace ? placesFor(text, within) : peopleFor(text));
    if (turn !== this.asking || document.activeElement !== this.input) return;
    this.options = found;
    this.at = -1;
    this.list.replaceChildren(...found.map((one, index) => this.line(one, index)));
    this.show(found.length > 0);
  }

  private line(one: Option, index: number): HTMLLIElement {
    const line = made("li", "option");
    line.id = `${this.list.id}-${index}`;
    line.setAttribute("role", "option");
    line.append(made("strong", "", one.main), made("span", "sub", one.more));
    line.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.choose(index);
    });
    return line;
  }

  private key(event: KeyboardEvent): void {
    if (this.list.hidden) return;
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      this.mark((this.at + step + this.options.length) % this.options.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.choose(Math.max(this.at, 0));
    } else if (event.key === "Escape") {
      this.close();
    }
  }

  private mark(index: number): void {
    this.at = index;
    for (const [number, line] of [...this.list.children].entries()) {
      line.setAttribute("aria-selected", String(number === index));
      if (number === index) line.scrollIntoView({ block: "nearest" });
    }
    this.input.setAttribute("aria-activedescendant", `${this.list.id}-${index}`);
  }

  private choose(index: number): void {
    const one = this.options[index];
    if (!one) return;
    this.input.value = one.more && this.field.dataset["lookUp"] === "person"
      ? `${one.main} · ${one.more}`
      : one.main;
    this.hidden.value = one.id;
    this.close();
  }

  private show(open: boolean): void {
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    if (!open) this.input.removeAttribute("aria-activedescendant");
  }

  private close(): void {
    clearTimeout(this.timer);
    this.asking += 1;
    this.show(false);
  }
}

for (const field of document.querySelectorAll<HTMLElement>("[data-look-up]")) {
  const input = field.querySelector<HTMLInputElement>("input:not([type=hidden])");
  if (input) new LookUp(field, input);
}

/** The form of registering: filled from a card, and compared with who is registered. */
const register = document.querySelector<HTMLFormElement>("form[data-register]");

function fieldOf(name: string): HTMLInputElement | RadioNodeList | null {
  return register?.elements.namedItem(name) as HTMLInputElement | RadioNodeList | null;
}

function valueOf(name: string): string {
  return fieldOf(name)?.value.trim() ?? "";
}

async function fill(text: string): Promise<void> {
  const said = document.getElementById("scan-said");
  const answer = await asked<{
    kind?: string;
    fields?: Record<string, string>;
    doubts?: string[];
    error?: { code: string };
  }>("/api/v1/qr", { text });
  if (!said) return;
  if (!answer?.fields) {
    said.replaceChildren(made("span", "field-wrong", t("station.card_refused")));
    return;
  }
  for (const [name, value] of Object.entries(answer.fields)) {
    const field = fieldOf(name);
    if (field) field.value = value;
  }
  const source = fieldOf("source");
  if (source) source.value = answer.kind ?? "";
  const scan = fieldOf("scan");
  if (scan) scan.value = "";
  const doubt = (answer.doubts ?? []).length > 0;
  said.replaceChildren(
    made("span", doubt ? "field-wrong" : "field-good", t(doubt ? "station.card_doubt" : "station.card_read")),
  );
  (fieldOf("phone") as HTMLInputElement | null)?.focus();
  void compare();
}

let comparing = 0;
let compareTimer = 0;
const COMPARED = ["name", "born", "phone", "citizen_id", "insurance", "old_citizen_id", "passport"];

async function compare(): Promise<void> {
  const box = register?.querySelector<HTMLElement>("[data-alike]");
  const list = box?.querySelector<HTMLElement>("[data-alike-list]");
  if (!box || !list) return;
  const turn = ++comparing;
  const typed = Object.fromEntries(COMPARED.map((name) => [name, valueOf(name)]));
  if (!Object.values(typed).some((value) => value.length > 3)) return;
  const found = await asked<{ people?: Alike[] }>("/api/v1/people/alike", typed);
  if (turn !== comparing || !found?.people) return;
  const lines = made("ul", "people");
  lines.append(...found.people.map(alikeLine));
  list.replaceChildren(...(found.people.length ? [lines] : []));
  box.hidden = found.people.length === 0;
}

function alikeLine(one: Alike): HTMLLIElement {
  const line = made("li");
  const link = made("a");
  link.href = `/station/persons/${one.person_id}`;
  link.target = "_blank";
  const grade = t(one.grade === "exact" ? "station.grade_exact" : "station.grade_probable");
  link.append(
    made("strong", "", one.name),
    made("span", "sub", [one.born, one.why].filter(Boolean).join(" · ")),
    made("span", one.grade === "exact" ? "tag warn" : "tag", grade),
  );
  line.append(link);
  return line;
}

if (register) {
  const scan = fieldOf("scan") as HTMLInputElement | null;
  scan?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (scan.value.trim()) void fill(scan.value);
  });
  register.addEventListener("submit", (event) => {
    const button = (event as SubmitEvent).submitter as HTMLButtonElement | null;
    if (button?.value !== "read") return;
    event.preventDefault();
    delete register.dataset["sent"];
    if (scan?.value.trim()) void fill(scan.value);
  });
  register.addEventListener("input", (event) => {
    if (!COMPARED.includes((event.target as HTMLInputElement).name)) return;
    clearTimeout(compareTimer);
    compareTimer = setTimeout(() => void compare(), 2 * WAIT_MS);
  });
  const wrong = document.getElementById("wrong");
  if (wrong) wrong.focus();
  else if (matchMedia("(pointer: fine)").matches) scan?.focus();
}

/** The camera, where the browser can read codes by itself (Shape Detection API). */
interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
type DetectorMaker = new (options: { formats: string[] }) => Detector;

async function scanned(detector: Detector, label: string): Promise<string | undefined> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  const dialog = made("dialog", "camera");
  dialog.setAttribute("aria-label", label);
  const video = made("video");
  video.playsInline = true;
  video.muted = true;
  video.srcObject = stream;
  const stop = made("button", "second", t("station.camera_stop"));
  stop.type = "button";
  stop.addEventListener("click", () => dialog.close());
  dialog.append(video, made("p", "hint", t("station.camera_hold")), stop);
  document.body.append(dialog);
  dialog.showModal();
  await video.play();
  let found: string | undefined;
  while (dialog.open && !found) {
    const codes = await detector.detect(video).catch(() => []);
    found = codes[0]?.rawValue;
    if (!found) await new Promise((resolve) => setTimeout(resolve, 150));
  }
  for (const track of stream.getTracks()) track.stop();
  dialog.remove();
  return found;
}

function offerCamera(button: HTMLButtonElement, Maker: DetectorMaker): void {
  button.hidden = false;
  button.addEventListener("click", () => {
    void (async () => {
      const input = document.getElementById(button.dataset["camera"] ?? "") as HTMLInputElement;
      try {
        const text = await scanned(new Maker({ formats: ["qr_code"] }), button.textContent ?? "");
        if (!text) return;
        input.value = text;
        if (register) await fill(text);
        else input.form?.requestSubmit();
      } catch {
        button.disabled = true;
        button.textContent = t("station.camera_none");
      }
    })();
  });
}

const Maker = (globalThis as { BarcodeDetector?: DetectorMaker }).BarcodeDetector;
if (Maker && "mediaDevices" in navigator) {
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-camera]")) {
    offerCamera(button, Maker);
  }
}
