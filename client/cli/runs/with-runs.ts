import { Quartermaster } from "../../sdk/quartermaster.ts";
import { createReporter, type Reporter, reportError } from "../terminal/reporter.ts";

/** Flags of all commands that look at runs. */
export interface RunFlags {
  readonly json?: true;
  readonly config?: string;
}

/** Carries out a command that looks at runs: it starts neither server nor worker, and its errors are said in one reporter. */
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

/** Says so where a run waits for a worker, and this command with it. */
export async function sayIfUnserved(quartermaster: Quartermaster, reporter: Reporter): Promise<void> {
  if (await quartermaster.isServed()) return;
  reporter.say("no worker serves the queue: runs wait for one (`kgents up`, or `kgents worker`)");
}
