/** Differences by lines: as `diff -u` shows them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lineDiff } from "#core/text/line-diff";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "kgents-diff-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const names = { left: "left", right: "right" };
const lines = (count: number, change: (line: number) => string | undefined = () => undefined): string =>
  Array.from({ length: count }, (_, index) => `${change(index + 1) ?? `line ${index + 1}`}\n`).join("");

/** Applies a difference with git. */
function patched(left: string, right: string): string {
  const file = join(directory, "text");
  writeFileSync(file, left);
  const difference = lineDiff(left, right, { left: "a/text", right: "b/text" });
  execFileSync("git", ["apply", "-"], { input: difference, cwd: directory });
  return readFileSync(file, "utf8");
}

test.each<[string, string, string, string]>([
  ["the same", "a\n", "a\n", ""],
  ["from nothing", "", "a\nb\n", "--- left\n+++ right\n@@ -0,0 +1,2 @@\n+a\n+b\n"],
  ["to nothing", "a\n", "", "--- left\n+++ right\n@@ -1 +0,0 @@\n-a\n"],
  ["one line", "a\nb\nc\n", "a\nx\nc\n", "--- left\n+++ right\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"],
])("%s", (_, left, right, expected) => expect(lineDiff(left, right, names)).toBe(expected));

test("far changes are hunks of their own, near ones are not", () => {
  const left = lines(30);
  const right = lines(30, (line) => (line === 5 || line === 9 || line === 25 ? `changed ${line}` : undefined));
  const difference = lineDiff(left, right, names);
  expect(difference.split("\n").filter((line) => line.startsWith("@@"))).toEqual([
    "@@ -2,11 +2,11 @@",
    "@@ -22,7 +22,7 @@",
  ]);
  expect(patched(left, right)).toBe(right);
});

test("git apply makes the right text of the left one", () => {
  // A small generator of its own: the same texts in each run.
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 40; round++) {
    const text = (): string => Array.from({ length: random(25) + 1 }, () => `${"abcd"[random(4)]}\n`).join("");
    const [left, right] = [text(), text()];
    if (left !== right) expect(patched(left, right)).toBe(right);
  }
});

test("large texts are compared without a table of all pairs", () => {
  const left = Array.from({ length: 3000 }, (_, index) => `l${index}\n`).join("");
  const right = Array.from({ length: 3000 }, (_, index) => `r${index}\n`).join("");
  expect(lineDiff(left, right, names).split("\n")).toHaveLength(6004);
});
