import { setTimeout as wait } from "node:timers/promises";
import type { ExecutionHandle } from "../../sdk/execution-handle.ts";
import { waitingInWords } from "../../sdk/runs/waiting.ts";
import type { Reporter } from "../terminal/reporter.ts";

/** Most runs are over before this; only of others Temporal is asked. */
const patienceMilliseconds = 1500;
const askMilliseconds = 1000;

/** Says that a run waits for a place, whenever that changes, until it has one or is over. */
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
    // A server that is away says nothing of the run; whoever waits for the result will hear of it.
    const about = await handle.describe().catch(() => undefined);
    if (over.aborted || (about && about.status !== "running")) return;
    if (!about) continue;
    if (about.waiting) {
      const words = `run ${handle.id}: ${waitingInWords(about.waiting)}`;
      if (words !== said) reporter.say(words);
      said = words;
    } else if (about.phase !== null && about.phase !== "provisioning") {
      if (said !== undefined) reporter.say(`run ${handle.id}: it has its place`);
      return;
    }
  }
}
