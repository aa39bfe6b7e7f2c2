import { summariseStreams } from "#platform/store/summarise";
import type { ExecuteOutput, SalvageInput } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { checkedLimits } from "./inputs.ts";
import { currentRun } from "./plan.ts";

/** Returns the output in the store of a run whose worker is gone. */
export const salvage =
  (dependencies: ActivityDependencies) =>
  async (input: SalvageInput): Promise<ExecuteOutput> => ({
    status: "lost",
    exitCode: null,
    signal: null,
    reason: "the worker that ran the code went away and did not come back; it is unknown how the code ended",
    ...(await summariseStreams(dependencies.store, currentRun(input.firstRunId).key, checkedLimits(input))),
    files: [],
    filesOmitted: [],
    isolation: null,
    startedAt: null,
    finishedAt: new Date().toISOString(),
    usage: { peakMemoryBytes: null, cpuSeconds: null },
  });
