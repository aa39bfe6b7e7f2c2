/** How long a cell that does not answer is tried again, whatever the API server does meanwhile. */
import { expect, test } from "vitest";
import { patienceWith } from "#cells/kubernetes/exec/patience";
import { collectionPatience } from "#cells/kubernetes/exec/stop-signals";

const nodePatience = 5000;
const from = 1_000_000;

/** The deadlines, in milliseconds after `from`, at looks of which each says when it is and whether the server answers. */
function deadlines(...looks: readonly (readonly [after: number, answers: boolean])[]): number[] {
  let at = from;
  const patience = patienceWith({ from, nodePatience, now: () => at });
  return looks.map(([after, answers]) => {
    at = from + after;
    return patience(answers) - from;
  });
}

test("a node that does not answer has its time, from the break on", () => {
  expect(deadlines([1000, true], [4000, true])).toEqual([nodePatience, nodePatience]);
});

test("a server that is away has more; the node's time begins again when it is back", () => {
  expect(deadlines([1000, false], [40_000, true], [44_000, true])).toEqual([collectionPatience, 45_000, 45_000]);
});

test("a server that comes and goes does not prolong it for ever", () => {
  const late = collectionPatience - 1000;
  expect(deadlines([1000, false], [late, true], [late + 500, false], [late + 900, true])).toEqual([
    collectionPatience,
    collectionPatience,
    collectionPatience,
    collectionPatience,
  ]);
});

test("before the code's time is over nothing is shorter", () => {
  expect(deadlines([-60_000, false], [-20_000, true])).toEqual([collectionPatience, nodePatience]);
});
