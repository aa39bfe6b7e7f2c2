/**
 * What a session does by itself: it makes checkpoints, pauses, and ends at its maximum age.
 *
 * @module
 */
import { condition, sleep } from "@temporalio/workflow";
import { formatDuration, parseDuration } from "#core/text/duration";
import type { CellKeeper } from "./cell-keeper.ts";
import { nextLook } from "./keep-changes.ts";
import type { SessionMemory } from "./memory.ts";
import type { Turns } from "./turns.ts";

/** What the clocks of a session act on. */
export interface Clocked {
  /** The raw session. */
  readonly session: unknown;
  readonly memory: SessionMemory;
  readonly keeper: CellKeeper;
  readonly turns: Turns;
  /** Ends the session. */
  readonly end: (reason: "maximum-age" | "idle") => void;
}

/** The longest age of a session, in milliseconds. */
const longestAge = 7 * 86_400_000;

/** The maximum age that a raw session names, in milliseconds; without one that is valid, the longest. */
export function maximumAgeIn(session: unknown): number {
  const { maximumAge }: { maximumAge?: unknown } = typeof session === "object" && session !== null ? session : {};
  if (typeof maximumAge !== "string" && typeof maximumAge !== "number") return longestAge;
  return Math.min(parseDuration(maximumAge) ?? longestAge, longestAge);
}

const wait = (until: number, summary: string): Promise<void> => sleep(Math.max(1, until - Date.now()), { summary });

/** Makes a checkpoint of what the latest calls have changed, some seconds after the last look. */
async function keepFiles({ memory, keeper, turns }: Clocked): Promise<void> {
  for (;;) {
    await condition(() => memory.mayHaveChanged && memory.cell !== null && !memory.neverRestores);
    await wait(nextLook(memory), "look whether files have changed");
    await turns.take(async () => {
      const isDue = memory.mayHaveChanged && Date.now() >= nextLook(memory);
      if (isDue && memory.cell !== null) await keeper.keepChanges();
    });
  }
}

/**
 * Removes the cell of a session that has had no calls for some time. Its files are in the last checkpoint: as long as
 * none can be made, the cell stays.
 */
async function pauseWhenIdle({ memory, keeper, turns, end }: Clocked): Promise<void> {
  for (;;) {
    await condition(() => memory.cell !== null);
    const idle = memory.latest?.session?.idleMilliseconds ?? 0;
    const words = `pause the session after ${formatDuration(idle)} without calls`;
    await wait(Math.max(memory.lastUsed + idle, memory.failures > 0 ? nextLook(memory) : 0), words);
    if (turns.length() > 0 || memory.cell === null || Date.now() - memory.lastUsed < idle) {
      // While a call runs, the session is in use.
      if (turns.length() > 0) await condition(() => turns.length() === 0);
      continue;
    }
    if (memory.neverRestores) return end("idle");
    await turns.take(async () => {
      // A call that has just come is before this one.
      if (Date.now() - memory.lastUsed < idle || memory.cell === null) return;
      const failure = await keeper.keepChanges();
      // Also a call that has come meanwhile calls the pause off.
      if (failure !== undefined || turns.length() > 1) return;
      await keeper.drop(`the session was paused after ${formatDuration(idle)} without calls`);
    });
  }
}

/** Ends the session at its maximum age. */
async function endAtMaximumAge({ session, memory, end }: Clocked): Promise<void> {
  // Without a cell, the worker's limits and defaults are not known.
  const latest = memory.started + maximumAgeIn(session);
  await condition(() => memory.ends !== null, Math.max(1, latest - Date.now()));
  await wait(memory.ends ?? latest, "end the session at its maximum age");
  end("maximum-age");
}

/** Starts the clocks. They end with the scope that they are started in. */
export const runClocks = (clocked: Clocked): Promise<unknown> =>
  Promise.all([keepFiles(clocked), pauseWhenIdle(clocked), endAtMaximumAge(clocked)]);
