// Reads an oximeter by Web Bluetooth: choose, connect, listen, and let go. A link that says nothing
// for five seconds is made again once: browsers too report links that have died as connected.

import { FAMILIES, filters, services, type Characteristic, type Family } from "./families";
import type { SpotCheck } from "./plateau";
import { Follower, type Progress } from "./progress";
import { NOT_A_PATIENTS, Quality } from "./quality";
import { DecodeError, type Oximetry } from "./said";

const SILENT_MS = 5_000;
const CONNECT_MS = 12_000;
const TRIES = 3;
const ATTEMPTS = 2;

export type Problem = "cancelled" | "not_allowed" | "switched_off" | "not_found" | "lost" | "unreadable";

/** What went wrong, as a text key below `bluetooth.problem.`; never a browser's own words. */
export class BluetoothProblem extends Error {
  constructor(readonly code: Problem) {
    super(code);
  }
}

/** Whether this browser can read a sensor at all: it has the interface, and the page is secure. */
export function isAvailable(): boolean {
  return navigator.bluetooth !== undefined && window.isSecureContext;
}

/** The device that was chosen here before, where the browser keeps that; otherwise its chooser. */
export async function choose(remembered: string | null): Promise<BluetoothDevice> {
  const bluetooth = navigator.bluetooth as Bluetooth;
  const known = (await bluetooth.getDevices?.().catch(() => [])) ?? [];
  const found = known.find((one) => one.id === remembered);
  if (found !== undefined) return found;
  try {
    return await bluetooth.requestDevice({ filters: filters(), optionalServices: services() });
  } catch (error) {
    throw new BluetoothProblem(await whyNot(error, bluetooth));
  }
}

async function whyNot(error: unknown, bluetooth: Bluetooth): Promise<Problem> {
  if (!(await bluetooth.getAvailability().catch(() => true))) return "switched_off";
  const { name } = error as DOMException;
  return name === "SecurityError" || name === "NotAllowedError" ? "not_allowed" : "cancelled";
}

export interface Reading {
  spot: SpotCheck;
  family: string;
}

/** Measures once: until a value holds still, the device calls one finished, or it cannot be. */
export async function measure(
  device: BluetoothDevice,
  signal: AbortSignal,
  changed: (progress: Progress) => void,
): Promise<Reading> {
  const follower = new Follower();
  for (let attempt = 1; ; attempt += 1) {
    changed(follower.progress);
    const link = await connected(device, signal);
    try {
      follower.connected();
      changed(follower.progress);
      return { spot: await listened(link, device, follower, signal, changed), family: link.family.name };
    } catch (error) {
      const again = error instanceof BluetoothProblem && error.code === "lost" && attempt < ATTEMPTS;
      if (!again || signal.aborted) throw error;
    } finally {
      device.gatt?.disconnect();
    }
  }
}

interface Link {
  family: Family;
  sources: readonly [BluetoothCharacteristic, Characteristic][];
}

async function connected(device: BluetoothDevice, signal: AbortSignal): Promise<Link> {
  let last: Problem = "not_found";
  for (let tries = 0; tries < TRIES && !signal.aborted; tries += 1) {
    try {
      const server = await within(CONNECT_MS, (device.gatt as BluetoothServer).connect());
      const link = await linkOf(server);
      if (link !== undefined) return link;
      last = "unreadable";
      device.gatt?.disconnect();
      break;
    } catch {
      device.gatt?.disconnect();
    }
  }
  throw new BluetoothProblem(signal.aborted ? "cancelled" : last);
}

/** Finds the family by its service, and the characteristics that it has. */
async function linkOf(server: BluetoothServer): Promise<Link | undefined> {
  for (const family of FAMILIES) {
    const service = await server.getPrimaryService(family.service).catch(absent);
    if (service === undefined) continue;
    const sources: [BluetoothCharacteristic, Characteristic][] = [];
    for (const one of family.listen()) {
      const found = await service.getCharacteristic(one.uuid).catch(absent);
      if (found !== undefined) sources.push([found, one]);
    }
    if (sources.length > 0) return { family, sources };
  }
  return undefined;
}

/** Only "there is none" is an answer; a link that broke meanwhile is an error. */
function absent(error: unknown): undefined {
  if ((error as DOMException).name !== "NotFoundError") throw error;
  return undefined;
}

function listened(
  link: Link,
  device: BluetoothDevice,
  follower: Follower,
  signal: AbortSignal,
  changed: (progress: Progress) => void,
): Promise<SpotCheck> {
  const over = new AbortController();
  const heard = new Promise<SpotCheck>((resolve, reject) => {
    const fail = (code: Problem) => reject(new BluetoothProblem(code));
    let watchdog = setTimeout(() => fail("lost"), SILENT_MS);
    const listen = { signal: over.signal };
    over.signal.addEventListener("abort", () => clearTimeout(watchdog));
    signal.addEventListener("abort", () => fail("cancelled"), listen);
    device.addEventListener("gattserverdisconnected", () => fail("lost"), listen);
    for (const [source, meaning] of link.sources) {
      const hear = (): void => {
        const data = bytesOf(source);
        clearTimeout(watchdog);
        watchdog = setTimeout(() => fail("lost"), SILENT_MS);
        const spot = taken(data, meaning, follower);
        changed(follower.progress);
        if (spot !== undefined) resolve(spot);
      };
      source.addEventListener("characteristicvaluechanged", hear, listen);
      source.startNotifications().catch(() => fail("lost"));
    }
  });
  return heard.finally(() => over.abort());
}

/** What one notification completes; bytes that mean nothing complete nothing. */
function taken(data: Uint8Array, meaning: Characteristic, follower: Follower): SpotCheck | undefined {
  const atMs = performance.now();
  try {
    if (meaning.finished !== undefined) return finished(meaning.finished(data));
    for (const said of meaning.take(data)) {
      const spot = said.type === "oximetry" ? follower.add(atMs, said) : undefined;
      if (spot !== undefined) return spot;
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return undefined;
}

/** A device's own finished measurement; one out of its memory is another time's. */
function finished(value: Oximetry): SpotCheck | undefined {
  if (value.quality & (NOT_A_PATIENTS | Quality.FROM_STORAGE)) return undefined;
  return { ...value, at_ms: performance.now() };
}

function bytesOf(source: BluetoothCharacteristic): Uint8Array {
  const view = source.value as DataView;
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new BluetoothProblem("not_found")), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
