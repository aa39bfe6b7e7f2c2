import { log } from "@temporalio/workflow";
import { messageOf } from "#core/text/message-of";
import { dropCell } from "./drop-cell.ts";
import { type Attempt, type Kept, runHere } from "./run-here.ts";

/** The time between two looks whether files have changed, in milliseconds. */
const lookMilliseconds = 10_000;
/** The longest time until a checkpoint that failed is tried again, in milliseconds. */
const longestMilliseconds = 3_600_000;

/** When to look next whether files have changed, in milliseconds since the epoch: later after each failure. */
export const nextLook = ({ looked, failures }: { readonly looked: number; readonly failures: number }): number =>
  looked + Math.min(lookMilliseconds * 2 ** failures, longestMilliseconds);

/** Why there is no checkpoint after an attempt to make one, and whether its cell is of no use any more. */
export function failureOfCheckpoint(attempt: Attempt): { readonly why: string; readonly isLoss: boolean } | undefined {
  if ("gone" in attempt) return { why: attempt.gone, isLoss: true };
  if ("noRoom" in attempt) return { why: attempt.noRoom, isLoss: true };
  const { checkpoint, checkpointFailure, output } = attempt.answer;
  if (checkpoint !== undefined) return undefined;
  const { status, reason } = output;
  const isLoss = status === "lost";
  return { why: (isLoss ? reason : checkpointFailure) ?? "it is unknown how the checkpoint ended", isLoss };
}

/**
 * Makes a checkpoint in the present cell if files have changed since the last one. Never fails, because what ran before
 * has ended, whatever becomes of its files. Drops a cell that is gone.
 *
 * @returns why the latest changes are not kept; undefined if they are
 */
export async function keepChanges(kept: Kept): Promise<string | undefined> {
  const { memory } = kept;
  if (memory.wasReset()) await dropCell(kept, "the session's workflow was reset");
  const { cell, ends } = memory;
  if (cell === null || ends === null) return "the session has no cell";
  memory.looked = Date.now();
  const program = { kind: "checkpoint", when: "changed" } as const;
  const wanted = { program, summary: "keep changed files", milliseconds: 300_000, mayCheckpoint: false };
  const failure = await runHere(kept, cell, ends, wanted).then(failureOfCheckpoint, (error) => ({
    why: messageOf(error),
    isLoss: false,
  }));
  memory.keptChanges(failure?.why);
  if (failure === undefined) return undefined;
  log.warn("no checkpoint was made", { reason: failure.why });
  if (failure.isLoss) await dropCell(kept, failure.why);
  return failure.why;
}
