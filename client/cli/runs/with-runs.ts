import { Quartermaster } from "../../sdk/quartermaster.ts";
import { createVoice, reportError, type Voice } from "../terminal/voice.ts";

/** Flags of all commands that look at runs. */
export interface RunFlags {
  readonly json?: true;
  readonly config?: string;
}

/** Carries out a command that looks at runs: it starts neither server nor worker, and its errors are said in one voice. */
export async function withRuns(
  flags: RunFlags,
  command: (quartermaster: Quartermaster, voice: Voice) => Promise<number>,
  id?: string,
): Promise<number> {
  const voice = await createVoice(false);
  const quartermaster = new Quartermaster({
    startLocalStack: false,
    ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
  });
  try {
    return await command(quartermaster, voice);
  } catch (error) {
    voice.settled();
    return reportError(error, { json: flags.json === true, id });
  } finally {
    voice.settled();
    await quartermaster.close();
  }
}

/** Says so where a run waits for a worker, and this command with it. */
export async function sayIfUnserved(quartermaster: Quartermaster, voice: Voice): Promise<void> {
  if (await quartermaster.isServed()) return;
  voice.say("no worker serves the queue: runs wait for one (`kgents up`, or `kgents worker`)");
}
