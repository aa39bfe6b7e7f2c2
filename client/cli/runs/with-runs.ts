import { Quartermaster } from "../../sdk/quartermaster.ts";
import { createReporter, type Reporter, reportError } from "../terminal/reporter.ts";

/** Flags of all commands that look at runs. */
export interface RunFlags {
  readonly json?: true;
  readonly config?: string;
}

/** Runs a command on existing runs. Starts neither server nor worker, and reports errors through one reporter. */
export async function withRuns(
  flags: RunFlags,
  command: (quartermaster: Quartermaster, reporter: Reporter) => Promise<number>,
  id?: string,
): Promise<number> {
  const reporter = await createReporter(false);
  const quartermaster = new Quartermaster({
    startLocalStack: false,
    ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
  });
  try {
    return await command(quartermaster, reporter);
  } catch (error) {
    reporter.settled();
    return reportError(error, { json: flags.json === true, id });
  } finally {
    reporter.settled();
    await quartermaster.close();
  }
}

/** Reports that no worker serves the queue, so the command may wait. */
export async function sayIfUnserved(quartermaster: Quartermaster, reporter: Reporter): Promise<void> {
  if (await quartermaster.isServed()) return;
  reporter.say("no worker serves the task queue, so runs wait; start one with `kgents up` or `kgents worker`");
}
