import { printOutput, sayBehind } from "../exec/follow-run.ts";
import { leaveOnSignal } from "../terminal/leave-on-signal.ts";
import { type RunFlags, sayIfUnserved, withRuns } from "./with-runs.ts";

/** Flags of `kgents logs`. */
export interface LogsFlags extends RunFlags {
  readonly follow?: true;
  readonly stderr?: true;
}

/** `kgents logs`. */
export const logs = (id: string, flags: LogsFlags): Promise<number> =>
  withRuns(flags, async (quartermaster, reporter) => {
    const handle = await quartermaster.get(id);
    const { status } = await handle.describe();
    const places = flags.stderr ? ({ stdout: null, stderr: "stdout" } as const) : undefined;
    const follow = flags.follow === true && status === "running";
    const over = leaveOnSignal(follow ? `detached; the run ${id} continues` : "stopped");
    try {
      if (follow) await sayIfUnserved(quartermaster, reporter);
      const events = follow ? handle.output({ onBehind: sayBehind(reporter) }) : handle.outputSoFar();
      await printOutput(events, reporter, places);
    } finally {
      over();
    }
    const end = follow ? (await handle.describe()).status : status;
    if (end === "error" || end === "terminated") {
      reporter.say(`the run has no result: see \`kgents show ${id}\``);
    }
    return 0;
  });
