import assert from "node:assert/strict";
import test from "node:test";
import { heldOrder, riskOrder } from "../src/shared/order";
import type { Row } from "../src/shared/types";

function rows(...wanted: [string, [number, number, number]][]): Map<string, Row> {
  return new Map(wanted.map(([id, rank]) => [id, { person_id: id, name: id, rank } as Row]));
}

test("the list is sorted by rank, highest first, then by name", () => {
  const list = rows(["b", [0, 0, 3]], ["a", [0, 0, 3]], ["red", [4, 3, 10]], ["late", [4, 0, 12]]);
  assert.deepEqual(riskOrder(list), ["red", "late", "a", "b"]);
});

test("while it is held, a row that grew worse stays where it is", () => {
  const before = riskOrder(rows(["a", [2, 0, 0]], ["b", [1, 0, 0]]));
  const after = rows(["a", [2, 0, 0]], ["b", [4, 0, 0]]);
  assert.deepEqual(heldOrder(before, after), ["a", "b"]);
  assert.deepEqual(riskOrder(after), ["b", "a"]);
});

test("while it is held, new rows come last and rows that left go", () => {
  const after = rows(["b", [0, 0, 0]], ["new", [4, 0, 0]]);
  assert.deepEqual(heldOrder(["a", "b"], after), ["b", "new"]);
});
