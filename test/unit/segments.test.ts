import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { lengthOf, parseSegmentName, piecesOf, type Segment, segmentName } from "#platform/store/bucket/segments";

test("names are in the order of their offsets, and can be read back", () => {
  const reference = `runs/${"0".repeat(32)}/1.stdout`;
  const offsets = [0, 9, 10, 1024, 67_108_864, 2 ** 40];
  const names = offsets.map((offset) => segmentName(reference, offset, randomUUID()));
  expect([...names].sort()).toEqual(names);
  expect(names.map(parseSegmentName)).toEqual(offsets.map((offset) => ({ reference, offset })));
});

test.each(["store-id", "runs/x/1.stdout", "runs/x/1.stdout/12", "/0000000000000000", ""])(
  "%j is no segment",
  (name) => {
    expect(parseSegmentName(name)).toBeUndefined();
  },
);

const at = (...spans: [offset: number, bytes: number][]): Segment[] =>
  spans.map(([offset, bytes]) => ({ offset, bytes }));

test.each([
  ["nothing", at(), 0],
  ["one", at([0, 5]), 5],
  ["two in a row", at([0, 5], [5, 3]), 8],
  ["out of order", at([5, 3], [0, 5]), 8],
  ["a gap at the beginning", at([1, 5]), 0],
  ["a gap in the middle", at([0, 5], [6, 3]), 5],
  ["one inside another", at([0, 10], [2, 3]), 10],
  ["one over the end of another", at([0, 6], [4, 10]), 14],
  ["a whole beside its own parts", at([0, 4], [4, 4], [0, 20]), 20],
  ["empty ones", at([0, 0], [0, 3], [3, 0]), 3],
])("the length of %s", (_, segments, length) => {
  expect(lengthOf(segments)).toBe(length);
});

test.each([
  [
    "all of it",
    0,
    14,
    [
      [0, 0, 4],
      [4, 4, 14],
    ],
  ],
  [
    "from the middle of one to the middle of another",
    2,
    8,
    [
      [0, 2, 4],
      [4, 4, 8],
    ],
  ],
  ["inside of one", 6, 7, [[4, 6, 7]]],
  ["what is not there", 14, 20, []],
  ["past the end", 13, 20, [[4, 13, 14]]],
  ["nothing", 3, 3, []],
])("the pieces of %s", (_, start, end, expected) => {
  // The shorter one is ignored if a longer one starts as early.
  const segments = at([0, 4], [4, 2], [4, 10]);
  expect([...piecesOf(segments, start, end)].map((piece) => [piece.segment.offset, piece.start, piece.end])).toEqual(
    expected,
  );
});

test("thousands of segments are looked at once each", () => {
  let looks = 0;
  const segments = Array.from({ length: 20_000 }, (_, index) => ({
    get offset() {
      looks += 1;
      return index * 10;
    },
    bytes: 10,
  }));
  expect(lengthOf(segments)).toBe(200_000);
  // Including the sort. Comparing each with each would take 400 million.
  expect(looks).toBeLessThan(2_000_000);
});
