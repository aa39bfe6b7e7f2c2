/** When the API server is queried about an awaited cell, in addition to the watch. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { isToAsk } from "#cells/kubernetes/api/ask-again";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

test.each<[what: string, asked: number, quiet: number, expected: boolean]>([
  ["just asked, a quiet watch", 1000, 60_000, false],
  ["asked long ago, a watch that speaks", 20_000, 100, false],
  ["asked long ago, a quiet watch", 5000, 5000, true],
  ["a watch that speaks and may lag behind", 30_000, 100, true],
])("%s", (_what, asked, quiet, expected) => {
  expect(isToAsk({ quietFor: () => quiet }, Date.now() - asked)).toBe(expected);
});
