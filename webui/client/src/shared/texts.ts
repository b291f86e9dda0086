// Texts, numbers and times in the page's language; the catalogue comes with the page.

type Catalogue = Record<string, string>;

let catalogue: Catalogue | undefined;

/** Reads a JSON script element of the page. */
export function embedded<T>(id: string): T {
  return JSON.parse(document.getElementById(id)?.textContent ?? "null") as T;
}

/** Returns the text of a dotted key; `{name}` is replaced by the value of that name. */
export function t(key: string, values: Record<string, string | number> = {}): string {
  catalogue ??= embedded<Catalogue>("texts");
  let text = catalogue[key] ?? key;
  for (const [name, value] of Object.entries(values)) {
    text = text.replaceAll(`{${name}}`, String(value));
  }
  return text;
}

export function locale(): string {
  return document.documentElement.lang || "vi";
}

/** A value without a needless decimal; a dash where nothing is known. */
export function number(value: number | null | undefined, language = locale()): string {
  if (value === null || value === undefined) return "–";
  const text = Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
  return language === "vi" ? text.replace(".", ",") : text;
}

export function signedNumber(value: number, language = locale()): string {
  const sign = value > 0 ? "+" : value < 0 ? "−" : "±";
  return sign + number(Math.abs(value), language);
}

/** Which age text fits, as webui/i18n.py chooses it. */
export function ageKey(seconds: number): [string, number] {
  if (seconds < 60) return ["age.now", 0];
  if (seconds < 3_600) return ["age.minutes", Math.floor(seconds / 60)];
  if (seconds < 172_800) return ["age.hours", Math.floor(seconds / 3_600)];
  return ["age.days", Math.floor(seconds / 86_400)];
}

export function age(atMs: number | null | undefined, nowMs: number): string {
  if (atMs === null || atMs === undefined) return t("age.never");
  const [key, n] = ageKey(Math.max(0, Math.floor((nowMs - atMs) / 1000)));
  return t(key, { n });
}

let zone = "Asia/Ho_Chi_Minh";

export function useZone(name: string): void {
  zone = name;
}

/** 24-hour local time of the place, whatever the browser's zone. */
export function clockTime(atMs: number): string {
  return new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hour: "2-digit",
    minute: "2-digit",
  }).format(atMs);
}

export function day(atMs: number): string {
  if (locale() === "vi") {
    const parts = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      day: "numeric",
      month: "numeric",
    }).formatToParts(atMs);
    const of = (type: string) => Number(parts.find((part) => part.type === type)?.value);
    return `${of("day")}/${of("month")}`;
  }
  return new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    day: "numeric",
    month: "short",
  }).format(atMs);
}

export function moment(atMs: number): string {
  return `${clockTime(atMs)} · ${day(atMs)}`;
}
