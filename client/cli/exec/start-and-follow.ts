import { exitCodeOf } from "#core/contract/command-exit-code";
import type { ExecutionRequest } from "#core/contract/request";
import { Quartermaster } from "../../sdk/quartermaster.ts";
import { watchForInterruption } from "../terminal/interruption.ts";
import { beforeLosingOutput } from "../terminal/lost-output.ts";
import { print, printJson } from "../terminal/print.ts";
import { type Reporter, reportError } from "../terminal/reporter.ts";
import { requesterOfCommandLine } from "../terminal/requester.ts";
import { explain, printOutput, sayBehind } from "./follow-run.ts";
import { sayWaiting } from "./say-waiting.ts";
import { writeOutputFiles } from "./write-files.ts";

/** The flags of commands that start a run. */
interface StartFlags {
  readonly id?: string;
  readonly priority?: number;
  readonly detach?: true;
  readonly json?: true;
  readonly outputDir?: string;
  readonly config?: string;
}

/** Starts a run, follows it to its end and returns its exit code. Ctrl-C cancels it. */
export async function startAndFollow(
  flags: StartFlags,
  reporter: Reporter,
  requestOf: (quartermaster: Quartermaster) => Promise<ExecutionRequest>,
): Promise<number> {
  const json = flags.json === true;
  const quartermaster = new Quartermaster({
    ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
    onProgress: reporter.progress,
  });
  const interruption = watchForInterruption(reporter);
  const over = new AbortController();
  let id: string | undefined;
  try {
    // Reject an invalid request before anything is started for it.
    const request = await requestOf(quartermaster);
    const store = await quartermaster.store();
    reporter.settled();
    interruption.starting();
    const starting = quartermaster.start(
      { ...request, requester: requesterOfCommandLine() },
      { id: flags.id, priority: flags.priority },
    );
    beforeLosingOutput(async () => {
      const run = await starting;
      await run.cancel();
      return `the run ${run.id} is cancelled`;
    });
    const handle = await starting;
    id = handle.id;
    interruption.started(handle);
    if (handle.attached) reporter.say(`attached to the run ${handle.id}`);
    if (flags.detach) {
      await (json ? printJson({ id: handle.id, runId: handle.runId }) : print(`${handle.id}\n`));
      return 0;
    }
    void sayWaiting(handle, reporter, over.signal);
    if (!json) await printOutput(handle.output({ onBehind: sayBehind(reporter) }), reporter);
    const result = await handle.result();
    over.abort();
    const written = await writeOutputFiles(result, flags.outputDir, store, reporter.say);
    if (json) await printJson(result);
    explain(result, reporter);
    return exitCodeOf(result) || (written ? 0 : 125);
  } catch (error) {
    reporter.settled();
    return reportError(error, { json, id });
  } finally {
    over.abort();
    interruption.over();
    await quartermaster.close();
  }
}
