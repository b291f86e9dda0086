// The phone's database: who is signed in, what waits, and the advice that has not been read yet.

import type { Profile, Values } from "../patient/values";
import { newStream, type Item, type Queue, type Stream } from "./queue";

const NAME = "telehealth-patient";
const VERSION = 1;

/** A reading whose advice must be read before it goes away. */
export interface Advice {
  account: string;
  person: string;
  level: number;
  values: Values;
  at: number;
  rules: string;
}

let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      const db = request.result;
      db.createObjectStore("profile");
      db.createObjectStore("stream", { keyPath: "account" });
      db.createObjectStore("item", { keyPath: ["account", "seq"] });
      db.createObjectStore("advice", { keyPath: ["account", "person"] });
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => {
        request.result.close();
        opened = undefined;
      };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  return opened;
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Runs `act` in one transaction; what it returns counts only when all of it is on disk. */
async function within<T>(
  stores: string[],
  mode: IDBTransactionMode,
  act: (transaction: IDBTransaction) => Promise<T>,
): Promise<T> {
  const transaction = (await database()).transaction(stores, mode, { durability: "strict" });
  const done = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
  const found = await act(transaction);
  await done;
  return found;
}

export function keepProfile(profile: Profile): Promise<void> {
  return within(["profile"], "readwrite", async (tx) => {
    tx.objectStore("profile").put(profile, "now");
  });
}

export async function profile(): Promise<Profile | undefined> {
  return within(["profile"], "readonly", (tx) =>
    result<Profile | undefined>(tx.objectStore("profile").get("now")),
  );
}

/** Forgets who was signed in and all names; what waits stays, for whoever it belongs to. */
export function forget(): Promise<void> {
  return within(["profile"], "readwrite", async (tx) => {
    tx.objectStore("profile").clear();
  });
}

/** Reads an account's queue, changes it, and writes it back, with no other tab between. */
export function change(account: string, act: (queue: Queue) => Queue): Promise<Queue> {
  return within(["stream", "item"], "readwrite", async (tx) => {
    const streams = tx.objectStore("stream");
    const items = tx.objectStore("item");
    const all = IDBKeyRange.bound([account, 0], [account, Infinity]);
    const stream = await result<Stream | undefined>(streams.get(account));
    const held = await result<(Item & { account: string })[]>(items.getAll(all));
    const before = {
      stream: stream ?? newStream(account, () => crypto.randomUUID()),
      items: held.map(({ account: _, ...item }) => item),
    };
    const after = act(before);
    streams.put(after.stream);
    if (after.items !== before.items) {
      items.delete(all);
      for (const item of after.items) items.put({ ...item, account });
    }
    return after;
  });
}

export function queueOf(account: string): Promise<Queue> {
  return change(account, (queue) => queue);
}

export function keepAdvice(advice: Advice): Promise<void> {
  return within(["advice"], "readwrite", async (tx) => {
    tx.objectStore("advice").put(advice);
  });
}

export function dropAdvice(account: string, person: string): Promise<void> {
  return within(["advice"], "readwrite", async (tx) => {
    tx.objectStore("advice").delete([account, person]);
  });
}

export async function adviceOf(account: string, person: string): Promise<Advice | undefined> {
  return within(["advice"], "readonly", (tx) =>
    result<Advice | undefined>(tx.objectStore("advice").get([account, person])),
  );
}
