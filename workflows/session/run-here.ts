import { ApplicationFailure, workflowInfo } from "@temporalio/workflow";
import type { ProvisionedCell } from "#activities/contract";
import type { SessionProgramInput, SessionProgramOutput } from "#activities/session-contract";
import { executeInCell, type FailedInCell, type Whereabouts } from "../execute-in-cell.ts";
import { toWorkflowFailure } from "../failure.ts";
import { runningProgram } from "../phases.ts";
import { emptyOutput } from "../result.ts";
import type { SessionMemory } from "./memory.ts";
import type { Wanted } from "./wanted.ts";

/** A session and its state in this execution. */
export interface Kept {
  /** The raw session. */
  readonly session: unknown;
  readonly memory: SessionMemory;
  readonly where: Whereabouts;
}

/** What became of one attempt to run a program. */
export type Attempt =
  | { readonly answer: SessionProgramOutput }
  /** The program was not started, because the cell is gone, and why. */
  | { readonly gone: string }
  /** The program was not started, because the cluster has no room for the cell's pod: which limit is reached. */
  | { readonly noRoom: string };

/** The failures that say that a cell does not exist any more. The attempt that fails so did not start the program. */
const goneKinds = ["cell-deleted", "node-lost", "evicted"] as const;

const isGone = (error: unknown): error is ApplicationFailure =>
  error instanceof ApplicationFailure && goneKinds.some((kind) => kind === error.type);

/** The output of a program whose end is unknown. */
const lostAnswer = (status: "lost" | "cancelled", reason: string): SessionProgramOutput => ({
  output: emptyOutput(status, reason),
});

function nextNumber(memory: SessionMemory): number {
  memory.n += 1;
  return memory.n;
}

/** The input of the activity. It claims a number for the program. */
function inputOf({ session, memory }: Kept, cell: ProvisionedCell, ends: number, wanted: Wanted): SessionProgramInput {
  const { cellId, backend, taskQueue } = cell;
  const { runId, firstExecutionRunId: firstRunId } = workflowInfo();
  const n = nextNumber(memory);
  const { environment } = cell;
  return {
    ...{ session, ends, cellId, backend, taskQueue, firstRunId, runId, n, program: wanted.program },
    ...(environment && { environment: { ecosystem: environment.ecosystem, hash: environment.hash } }),
  };
}

/**
 * What became of a program whose last attempt failed. It is not started again if an earlier attempt may have started
 * it.
 *
 * @throws ApplicationFailure if it was not started for a reason that another cell would not change
 */
export function afterFailure({ failed, again, unheard }: FailedInCell): Attempt {
  const failure = toWorkflowFailure(failed);
  const isOver = isGone(failure);
  if (isOver && !again) return { gone: failure.message };
  if (!isOver && !unheard) throw failure;
  const why = failure instanceof Error ? failure.message : String(failure);
  return { answer: lostAnswer("lost", `it is unknown how the code ended: ${why}`) };
}

/**
 * Runs a program in the present cell, at most once.
 *
 * @throws ApplicationFailure if it was not started for a reason that another cell would not change
 */
export async function runHere(kept: Kept, cell: ProvisionedCell, ends: number, wanted: Wanted): Promise<Attempt> {
  const { memory, where } = kept;
  const input = inputOf(kept, cell, ends, wanted);
  memory.current = { cell, n: input.n, kind: wanted.program.kind };
  try {
    const end = await executeInCell(cell, (place) => runningProgram(cell, place, wanted).runProgram(input), where);
    if ("notStarted" in end) return { gone: "the worker that held the session's cell does not answer" };
    if ("failed" in end) return afterFailure(end);
    if ("noRoom" in end) {
      if (end.certainlyNotStarted) return { noRoom: end.noRoom };
      return { answer: lostAnswer("lost", `it is unknown how the code ended: ${end.noRoom}`) };
    }
    if ("unknown" in end) {
      return { answer: lostAnswer(end.unknown, "the worker that ran the code went away and did not come back") };
    }
    if ("gone" in end.output) {
      const { gone } = end.output;
      return end.again ? { answer: lostAnswer("lost", gone) } : { gone };
    }
    memory.saw(wanted, end.output);
    return { answer: end.output };
  } finally {
    memory.current = null;
  }
}
