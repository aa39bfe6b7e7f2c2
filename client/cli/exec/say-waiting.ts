import { setTimeout as wait } from "node:timers/promises";
import type { ExecutionHandle } from "../../sdk/execution-handle.ts";
import { waitingInWords } from "../../sdk/runs/waiting.ts";
import type { Reporter } from "../terminal/reporter.ts";

/** Most runs end before this; Temporal is queried only for the others. */
const patienceMilliseconds = 1500;
const askMilliseconds = 1000;

/** Reports that a run waits for a place, on every change, until it has one or is over. */
export async function sayWaiting(handle: ExecutionHandle, reporter: Reporter, over: AbortSignal): Promise<void> {
  let said: string | undefined;
  let pause = patienceMilliseconds;
  for (;;) {
    try {
      await wait(pause, undefined, { signal: over });
    } catch {
      return;
    }
    pause = askMilliseconds;
    // Retry while the server is unavailable. The caller that waits for the result reports the error.
    const about = await handle.describe().catch(() => undefined);
    if (over.aborted || (about && about.status !== "running")) return;
    if (!about) continue;
    if (about.waiting) {
      const words = `run ${handle.id}: ${waitingInWords(about.waiting)}`;
      if (words !== said) reporter.say(words);
      said = words;
    } else if (about.phase !== null && about.phase !== "provisioning") {
      if (said !== undefined) reporter.say(`run ${handle.id}: no longer waiting`);
      return;
    }
  }
}
