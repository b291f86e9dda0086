// The little of Node that the tests use; its own types would drag a whole platform in.
declare module "node:test" {
  export default function test(name: string, act: () => void | Promise<void>): void;
}

declare module "node:assert/strict" {
  const assert: {
    equal(actual: unknown, expected: unknown, message?: string): void;
    notEqual(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    ok(value: unknown, message?: string): void;
  };
  export default assert;
}

declare module "node:crypto" {
  export function createHash(name: string): { update(text: string): { digest(form: "hex"): string } };
}

declare module "node:fs" {
  export function readFileSync(path: string, encoding: "utf8"): string;
}
