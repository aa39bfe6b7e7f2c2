/**
 * What a session does by itself: it makes checkpoints, pauses, and ends at its maximum age.
 *
 * @module
 */
import { condition, log, sleep } from "@temporalio/workflow";
import { formatDuration } from "#core/text/duration";
import type { CellKeeper } from "./cell-keeper.ts";
import type { SessionMemory } from "./memory.ts";
import type { Turns } from "./turns.ts";
import { lookMilliseconds } from "./wanted.ts";

/** What the clocks of a session act on. */
export interface Clocked {
  readonly memory: SessionMemory;
  readonly keeper: CellKeeper;
  readonly turns: Turns;
  /** Ends the session. */
  readonly end: (reason: "maximum-age" | "idle") => void;
}

const wait = (until: number, summary: string): Promise<void> => sleep(Math.max(1, until - Date.now()), { summary });

/** Makes a checkpoint of what the latest calls have changed, some seconds after the last look. */
async function keepFiles({ memory, keeper, turns }: Clocked): Promise<void> {
  for (;;) {
    await condition(() => memory.mayHaveChanged && memory.cell !== null && !memory.neverRestores);
    await wait(memory.looked + lookMilliseconds, "look whether files have changed");
    await turns.take(async () => {
      if (memory.mayHaveChanged && memory.cell !== null) await checkpointChanges(memory, keeper);
    });
  }
}

/** Makes a checkpoint if files have changed. Never fails: the next call says if its cell is gone. */
async function checkpointChanges(memory: SessionMemory, keeper: CellKeeper): Promise<void> {
  const program = { kind: "checkpoint", when: "changed" } as const;
  memory.looked = Date.now();
  memory.mayHaveChanged = false;
  try {
    const ran = await keeper.runIfThere({
      program,
      summary: "keep changed files",
      milliseconds: 300_000,
      mayCheckpoint: false,
    });
    const failure = ran?.answer.checkpointFailure;
    if (failure !== undefined) log.warn("no checkpoint was made", { reason: failure });
  } catch (error) {
    log.warn("no checkpoint was made", { reason: String(error) });
  }
}

/** Removes the cell of a session that has had no calls for some time. Its files are in the last checkpoint. */
async function pauseWhenIdle({ memory, keeper, turns, end }: Clocked): Promise<void> {
  for (;;) {
    await condition(() => memory.cell !== null);
    const idle = memory.latest?.session?.idleMilliseconds ?? 0;
    const words = `pause the session after ${formatDuration(idle)} without calls`;
    await wait(memory.lastUsed + idle, words);
    if (turns.length() > 0 || memory.cell === null || Date.now() - memory.lastUsed < idle) {
      // While a call runs, the session is in use.
      if (turns.length() > 0) await condition(() => turns.length() === 0);
      continue;
    }
    if (memory.neverRestores) return end("idle");
    await turns.take(async () => {
      // A call that has just come is before this one.
      if (Date.now() - memory.lastUsed < idle || memory.cell === null) return;
      await checkpointChanges(memory, keeper);
      await keeper.drop(`the session was paused after ${formatDuration(idle)} without calls`);
    });
  }
}

/** Ends the session at its maximum age. */
async function endAtMaximumAge({ memory, end }: Clocked): Promise<void> {
  await condition(() => memory.ends !== null);
  await wait(memory.ends ?? 0, "end the session at its maximum age");
  end("maximum-age");
}

/** Starts the clocks. They end with the scope that they are started in. */
export const runClocks = (clocked: Clocked): Promise<unknown> =>
  Promise.all([keepFiles(clocked), pauseWhenIdle(clocked), endAtMaximumAge(clocked)]);
