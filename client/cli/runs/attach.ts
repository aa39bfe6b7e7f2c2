import { exitCodeOf } from "#core/contract/command-exit-code";
import { explain, printOutput, sayBehind } from "../exec/follow-run.ts";
import { leaveOnSignal } from "../terminal/leave-on-signal.ts";
import { printJson } from "../terminal/print.ts";
import { type RunFlags, sayIfUnserved, withRuns } from "./with-runs.ts";

/** `kgents attach`. */
export const attach = (id: string, flags: RunFlags): Promise<number> =>
  withRuns(
    flags,
    async (quartermaster, reporter) => {
      const handle = await quartermaster.get(id);
      const over = leaveOnSignal(`detached; the run ${id} continues (\`kgents cancel ${id}\` ends it)`);
      try {
        if ((await handle.describe()).status === "running") await sayIfUnserved(quartermaster, reporter);
        if (!flags.json) await printOutput(handle.output({ onBehind: sayBehind(reporter) }), reporter);
        const result = await handle.result();
        if (flags.json) await printJson(result);
        explain(result, reporter);
        return exitCodeOf(result);
      } finally {
        over();
      }
    },
    id,
  );
