import { expect, it } from "vitest";
import type { RunOpenState } from "#activities/dependencies";
import { sweep } from "#activities/sweep-cells";
import type { OwnedCell } from "#cells/provider";

const minuteAgo = new Date(Date.now() - 60_000);

const cell = (cellId: string, more: Partial<OwnedCell> = {}): OwnedCell => ({
  cellId,
  workflowId: `workflow-${cellId}`,
  runId: `run-${cellId}`,
  createdAt: minuteAgo,
  finished: false,
  ...more,
});

/** Sweeps existing cells, with the given state of each cell's run. */
async function sweepOver(
  cells: readonly OwnedCell[],
  runOf: (workflowId: string) => RunOpenState,
  {
    resists = "",
    finishes = "",
    open = new Set<string>(),
  }: { resists?: string; finishes?: string; open?: ReadonlySet<string> } = {},
) {
  const discarded: string[] = [];
  const asked: string[] = [];
  const pages: number[] = [];
  const remove = async (cellId: string): Promise<void> => {
    if (cellId === resists) throw new Error("its pods are still there");
    discarded.push(cellId);
  };
  const find = async (cellId: string) => cells.find((one) => one.cellId === cellId && cellId !== finishes) ?? null;
  const cluster = { list: async () => cells, find, remove };
  const asks = {
    askRun: async (workflowId: string) => {
      asked.push(workflowId);
      return runOf(workflowId);
    },
    openRuns: async (workflowIds: readonly string[]) => {
      pages.push(workflowIds.length);
      return open;
    },
  };
  const report = await sweep(cluster, asks, () => {});
  expect(report.removed).toEqual(discarded);
  return { ...report, asked, pages };
}

const over: RunOpenState = { open: false, closedAt: minuteAgo };

it.each<[name: string, cell: OwnedCell, run: RunOpenState, removed: boolean]>([
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
  const answers: RunOpenState[] = [over, undefined, over];
  const report = await sweepOver([cell("a"), cell("b"), cell("c")], () => answers.shift());
  expect(report).toMatchObject({ looked: 3, stopped: "Temporal could not be asked" });
  expect(report.removed.length).toBe(1);
});

it("one that resists does not keep the others", async () => {
  const report = await sweepOver([cell("a"), cell("b"), cell("c")], () => over, { resists: "a" });
  expect(report).toMatchObject({ resisted: ["a"], stopped: null });
  expect([...report.removed].sort()).toEqual(["b", "c"]);
});

it("looks at all, however many live ones there are, with one query for a hundred of them", async () => {
  const cells = Array.from({ length: 1250 }, (_, index) =>
    cell(String(index), { createdAt: new Date(minuteAgo.getTime() - index) }),
  );
  const orphans = ["workflow-0", "workflow-700", "workflow-1249"];
  const open = new Set(cells.filter(({ workflowId }) => !orphans.includes(workflowId)).map(({ runId }) => runId));
  const report = await sweepOver(cells, () => over, { open });
  expect([...report.removed].sort()).toEqual(["0", "1249", "700"]);
  expect(report.stopped).toBeNull();
  expect(report.asked.sort()).toEqual([...orphans].sort());
  expect(report.pages).toEqual([...Array(12).fill(100), 50]);
});

it("another run under the same workflow id, though open, does not keep the cell of one that is over", async () => {
  const report = await sweepOver([cell("a")], () => over, { open: new Set(["run-of-a-later-one"]) });
  expect(report.removed).toEqual(["a"]);
});

it("what the index does not have yet is asked about, and stays where its run is open", async () => {
  const report = await sweepOver([cell("a")], () => ({ open: true }));
  expect(report).toMatchObject({ removed: [], asked: ["workflow-a"] });
});

it("where the index cannot be asked, nothing is removed", async () => {
  const away = { askRun: async () => over, openRuns: async () => undefined };
  const remove = () => Promise.reject(new Error("removed"));
  const cluster = { list: async () => [cell("a")], find: async () => cell("a"), remove };
  expect(await sweep(cluster, away, () => {})).toMatchObject({ removed: [], stopped: "Temporal could not be asked" });
});

it("one that is gone since the list was made is not counted as removed", async () => {
  const report = await sweepOver([cell("a"), cell("b")], () => over, { finishes: "a" });
  expect(report).toMatchObject({ removed: ["b"], resisted: [] });
});
