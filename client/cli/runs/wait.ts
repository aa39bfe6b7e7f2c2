import { exitCodeOf } from "#core/contract/command-exit-code";
import type { ExecutionHandle } from "../../sdk/execution-handle.ts";
import { leaveOnSignal } from "../terminal/leave-on-signal.ts";
import { printJson } from "../terminal/print.ts";
import { type Reporter, reportError } from "../terminal/reporter.ts";
import { type RunFlags, sayIfUnserved, withRuns } from "./with-runs.ts";

/** Waits for one run and reports its outcome. */
async function waitForRun(handle: ExecutionHandle, flags: RunFlags, reporter: Reporter): Promise<number> {
  const { id } = handle;
  try {
    const result = await handle.result();
    if (flags.json) await printJson(result);
    else reporter.say(`${id}: ${result.status}${result.reason ? `: ${result.reason}` : ""}`);
    return exitCodeOf(result);
  } catch (error) {
    return reportError(error, { json: flags.json === true, id });
  }
}

/** `kgents wait`: reports each run as it ends. The exit code is that of the first named run that did not succeed. */
export const waitFor = (ids: readonly string[], flags: RunFlags): Promise<number> =>
  withRuns(flags, async (quartermaster, reporter) => {
    // Report unknown ids before waiting for any run.
    const handles = await Promise.all([...new Set(ids)].map((id) => quartermaster.get(id)));
    const over = leaveOnSignal(handles.length === 1 ? "detached; the run continues" : "detached; the runs continue");
    try {
      const open = await Promise.all(handles.map((handle) => handle.describe()));
      if (open.some(({ status }) => status === "running")) await sayIfUnserved(quartermaster, reporter);
      const codes = await Promise.all(handles.map((handle) => waitForRun(handle, flags, reporter)));
      return codes.find((code) => code !== 0) ?? 0;
    } finally {
      over();
    }
  });
