import { expect, it } from "vitest";
import type { OwnedCell } from "../../activities/backends/backend.ts";
import type { RunState } from "../../activities/dependencies.ts";
import { sweep } from "../../activities/sweep-cells.ts";

const minuteAgo = new Date(Date.now() - 60_000);

const cell = (cellId: string, more: Partial<OwnedCell> = {}): OwnedCell => ({
  cellId,
  workflowId: `workflow-${cellId}`,
  runId: `run-${cellId}`,
  createdAt: minuteAgo,
  finished: false,
  ...more,
});

/** Sweeps over cells that are there, with what is known of each cell's run. */
async function sweepOver(cells: readonly OwnedCell[], runOf: (workflowId: string) => RunState, resists = "") {
  const discarded: string[] = [];
  const discard = async (cellId: string): Promise<boolean> => {
    if (cellId === resists) throw new Error("its pods are still there");
    discarded.push(cellId);
    return true;
  };
  const cluster = { list: async () => cells, discard };
  const report = await sweep(
    cluster,
    async (workflowId) => runOf(workflowId),
    () => {},
  );
  expect(report.removed).toEqual(discarded);
  return report;
}

const over: RunState = { open: false, closedAt: minuteAgo };

it.each<[name: string, cell: OwnedCell, run: RunState, removed: boolean]>([
  ["of a run that is over", cell("a"), over, true],
  ["of a run that Temporal does not know", cell("a"), { open: false, closedAt: null }, true],
  ["of a live run", cell("a"), { open: true }, false],
  ["of a run that was closed just now", cell("a"), { open: false, closedAt: new Date() }, false],
  ["that is young", cell("a", { createdAt: new Date() }), over, false],
  ["that has finished", cell("a", { finished: true }), over, false],
  ["that names no workflow", cell("a", { workflowId: "" }), over, false],
  ["that names no run", cell("a", { runId: "" }), over, false],
  ["without an id", cell(""), over, false],
])("a cell %s", async (_name, one, run, removed) => {
  const report = await sweepOver([one], () => run);
  expect(report).toMatchObject({ removed: removed ? [one.cellId] : [], resisted: [], stopped: null });
});

it("where Temporal cannot be asked, nothing is removed from there on", async () => {
  const answers: RunState[] = [over, undefined, over];
  const report = await sweepOver([cell("a"), cell("b"), cell("c")], () => answers.shift());
  expect(report).toMatchObject({ looked: 3, removed: ["a"], stopped: "Temporal could not be asked" });
});

it("one that resists does not keep the others", async () => {
  const report = await sweepOver([cell("a"), cell("b"), cell("c")], () => over, "a");
  expect(report).toMatchObject({ removed: ["b", "c"], resisted: ["a"], stopped: null });
});

it("of too many, the oldest go first, and the rest is said to be left", async () => {
  const cells = Array.from({ length: 501 }, (_, index) =>
    cell(String(index), { createdAt: new Date(minuteAgo.getTime() - index) }),
  );
  const report = await sweepOver(cells, () => over);
  expect(report.removed).toEqual(Array.from({ length: 500 }, (_, index) => String(500 - index)));
  expect(report.stopped).toBe("there are more than 500");
});
