// The oximeters that a browser reads: how they are found, and what their bytes mean.

import { BerryMedParser } from "./berrymed";
import { NoninParser } from "./nonin";
import { Pc60fwParser } from "./pc60fw";
import { continuous, spotCheck } from "./plx";
import type { Oximetry, Said } from "./said";
import type { StreamParser } from "./stream";

export interface Characteristic {
  uuid: string;
  take: (data: Uint8Array) => Said[];
  /** A value by itself, not one of a stream. */
  finished?: (data: Uint8Array) => Oximetry;
}

export interface Family {
  name: string;
  service: string;
  /** Where the service is a generic module's, and not always advertised, the name tells. */
  names: readonly string[];
  /** What to listen to, with what decodes one connection. */
  listen: () => readonly Characteristic[];
}

function stream(uuid: string, parser: StreamParser): readonly Characteristic[] {
  return [{ uuid, take: (data) => parser.receive(data) }];
}

export const FAMILIES: readonly Family[] = [
  {
    name: "plx",
    service: "00001822-0000-1000-8000-00805f9b34fb",
    names: [],
    listen: () => [
      { uuid: "00002a5f-0000-1000-8000-00805f9b34fb", take: (data) => [continuous(data)] },
      { uuid: "00002a5e-0000-1000-8000-00805f9b34fb", take: () => [], finished: spotCheck },
    ],
  },
  {
    name: "nonin",
    service: "46a970e0-0d5f-11e2-8b5e-0002a5d5c51b",
    names: [],
    listen: () => stream("0aad7ea0-0d60-11e2-8e3c-0002a5d5c51b", new NoninParser()),
  },
  {
    name: "berrymed",
    service: "49535343-fe7d-4ae5-8fa9-9fafd205e455",
    names: ["BerryMed", "BM1000", "BM2000"],
    listen: () => stream("49535343-1e4d-4bd9-ba61-23c647249616", new BerryMedParser()),
  },
  {
    name: "pc60fw",
    service: "6e400001-b5a3-f393-e0a9-e50e24dcca9e",
    names: ["PC-60", "PC-68", "KS-60", "OxySmart", "POD-", "OXYFINGER", "S5W", "S6W", "S7W"],
    listen: () => stream("6e400003-b5a3-f393-e0a9-e50e24dcca9e", new Pc60fwParser()),
  },
];

/** What the browser's chooser may show. */
export function filters(): BluetoothLEScanFilter[] {
  return FAMILIES.flatMap(({ service, names }): BluetoothLEScanFilter[] =>
    names.length === 0 ? [{ services: [service] }] : names.map((namePrefix) => ({ namePrefix })),
  );
}

/** Every service that is read once a device was chosen. */
export function services(): string[] {
  return FAMILIES.map(({ service }) => service);
}
