// The decoders say what the shared vectors say, and so what Python says (tests/vectors/README.md).

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import test from "node:test";
import { BerryMedParser } from "../src/bluetooth/berrymed";
import { decodeSfloat } from "../src/bluetooth/medfloat";
import { NoninParser } from "../src/bluetooth/nonin";
import { Pc60fwParser, crc8Maxim } from "../src/bluetooth/pc60fw";
import { PlateauFinder } from "../src/bluetooth/plateau";
import { continuous, spotCheck } from "../src/bluetooth/plx";
import { Quality, qualityNames } from "../src/bluetooth/quality";
import { DecodeError, hex, type Oximetry, type Said } from "../src/bluetooth/said";
import type { StreamParser } from "../src/bluetooth/stream";

const FOLDER = "../../tests/vectors/";
const SFLOATS = "ed70842e4e9c0679cee2011df95e583baada9b82b40bde229ac7f6702d2f39d2";
type Form = Record<string, unknown>;

function lines<T>(name: string): T[] {
  const text = readFileSync(FOLDER + name, "utf8");
  return text.trim().split("\n").map((line) => JSON.parse(line) as T);
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function form(said: Said): Form {
  if (said.type === "garbage") return { type: "garbage", raw: hex(said.raw), reason: said.reason };
  if (said.type === "battery") return { ...said };
  return { ...said, quality: qualityNames(said.quality) };
}

function forms(parser: StreamParser, chunks: Iterable<Uint8Array>, wanted: Form[]): Form[] {
  const said: Said[] = [];
  for (const chunk of chunks) said.push(...parser.receive(chunk));
  said.push(...parser.finish());
  return said.map(form).map((one, at) => {
    const { reason, ...rest } = one;
    return reason === undefined || "reason" in (wanted[at] ?? {}) ? one : rest;
  });
}

const FAMILIES: Record<string, () => StreamParser> = {
  berrymed: () => new BerryMedParser(),
  nonin: () => new NoninParser(),
  pc60fw: () => new Pc60fwParser(),
};

interface StreamVector {
  name: string;
  chunks: string[];
  says: Form[];
}

for (const [family, parser] of Object.entries(FAMILIES)) {
  for (const { name, chunks, says } of lines<StreamVector>(`oximeters/${family}.jsonl`)) {
    const whole = bytes(chunks.join(""));

    test(`${family}: ${name}`, () => {
      assert.deepEqual(forms(parser(), chunks.map(bytes), says), says);
    });

    test(`${family}: ${name}, cut in two anywhere and byte for byte`, () => {
      for (let at = 0; at <= whole.length; at += 1)
        assert.deepEqual(forms(parser(), [whole.slice(0, at), whole.slice(at)], says), says);
      assert.deepEqual(forms(parser(), [...whole].map((octet) => Uint8Array.of(octet)), says), says);
    });
  }
}

interface PlxVector {
  name: string;
  kind: "continuous" | "spot";
  data: string;
  says: Form | null;
}

for (const { name, kind, data, says } of lines<PlxVector>("gatt/plx.jsonl")) {
  test(`pulse oximeter service, ${kind}: ${name}`, () => {
    const decode = kind === "continuous" ? continuous : spotCheck;
    let read: Form | null = null;
    try {
      const { type: _, quality, ...values }: Oximetry = decode(bytes(data));
      read = { ...values, quality: qualityNames(quality) };
    } catch (error) {
      assert.ok(error instanceof DecodeError);
    }
    assert.deepEqual(read, says);
  });
}

test("all 65,536 SFLOAT values are those of Python", () => {
  const view = new DataView(new ArrayBuffer(8));
  const texts = Array.from({ length: 0x10000 }, (_, raw) => {
    const value = decodeSfloat(raw);
    if (value === null) return "none";
    view.setFloat64(0, value);
    return hex(new Uint8Array(view.buffer));
  });
  assert.equal(createHash("sha256").update(texts.join("\n")).digest("hex"), SFLOATS);
});

test("the checksum of the nine digits is the catalogue's", () => {
  assert.equal(crc8Maxim(new TextEncoder().encode("123456789")), 0xa1);
});

interface PlateauVector {
  name: string;
  samples: [number, number | null, number | null, (keyof typeof Quality)[]][];
  says: Form[];
}

for (const { name, samples, says } of lines<PlateauVector>("plateau.jsonl")) {
  test(`plateau: ${name}`, () => {
    const finder = new PlateauFinder();
    const found = samples.flatMap(([at, spo2, pulse, flags]) => {
      const quality = flags.reduce((all, flag) => all | Quality[flag], 0);
      const spot = finder.add(at, {
        type: "oximetry", spo2_percent: spo2, pulse_per_min: pulse, perfusion_index_percent: null, quality,
      });
      if (spot === undefined) return [];
      const { perfusion_index_percent: _, quality: why, ...rest } = spot;
      return [{ ...rest, quality: qualityNames(why) }];
    });
    assert.deepEqual(found, says);
  });
}
