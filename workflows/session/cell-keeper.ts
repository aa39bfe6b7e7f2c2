/**
 * The cell of a session: prepared when it is needed, and restored when it is gone.
 *
 * @module
 */
import { log, workflowInfo } from "@temporalio/workflow";
import type { ProvisionedCell } from "#activities/contract";
import type { Restored } from "#core/contract/session/result";
import type { Whereabouts } from "../execute-in-cell.ts";
import { failureOf, toWorkflowFailure } from "../failure.ts";
import { noRoomFor, provisionWithFallback, refusalPauses } from "../find-place.ts";
import { prepareInCell } from "../prepare-in-cell.ts";
import { reported } from "../reported-environment.ts";
import { dropCell } from "./drop-cell.ts";
import { keepChanges, nextLook } from "./keep-changes.ts";
import type { SessionMemory } from "./memory.ts";
import { type Kept, runHere } from "./run-here.ts";
import type { Ran, Wanted } from "./wanted.ts";

/** The number of cells lost before a program starts at which the update fails. */
const maximumLosses = 3;

/** The cell of a session. */
export interface CellKeeper {
  /**
   * Runs a program, in a new cell if there is none.
   *
   * @throws ApplicationFailure if the program was not started
   */
  readonly run: (wanted: Wanted) => Promise<Ran>;
  /**
   * Makes a checkpoint if files have changed since the last one. Never fails.
   *
   * @returns why the latest changes are not kept; undefined if they are
   */
  readonly keepChanges: () => Promise<string | undefined>;
  /** Removes the cell, if there is one. The session continues in another one. */
  readonly drop: (reason: string) => Promise<void>;
  readonly where: Whereabouts;
}

/** A cell that is ready, and whether it is a new one instead of one that is gone. */
interface ReadyCell {
  readonly cell: ProvisionedCell;
  readonly ends: number;
  readonly restored: Restored | null;
}

/** Unpacks the last checkpoint into a new cell. */
async function restore(kept: Kept, cell: ProvisionedCell, ends: number): Promise<void> {
  const { checkpoint } = kept.memory;
  if (checkpoint === null || checkpoint.ref === null) return;
  const program = { kind: "restore", checkpoint } as const;
  const summary = `restore the files of ${checkpoint.at}`;
  const attempt = await runHere(kept, cell, ends, { program, summary, milliseconds: 300_000, mayCheckpoint: false });
  if ("answer" in attempt && attempt.answer.output.status === "succeeded") return;
  const why = "answer" in attempt ? attempt.answer.output.reason : "the new cell is gone, too";
  throw failureOf("artifact-unavailable", `the files of the session could not be restored: ${why ?? ""}`);
}

/**
 * Installs the packages of a session for a new cell.
 *
 * @returns the cell with its packages
 * @throws ApplicationFailure if that fails; the cell is removed
 */
async function install(kept: Kept, cell: ProvisionedCell, ends: number): Promise<ProvisionedCell> {
  const { session, memory } = kept;
  const { cellId, backend, taskQueue } = cell;
  const about = { request: session, attempt: memory.cells, cellId, backend, taskQueue, session: { ends } };
  const { gone } = memory;
  try {
    const answer = await prepareInCell(cell, { ...about, firstRunId: workflowInfo().firstExecutionRunId });
    if ("noRoom" in answer) throw noRoomFor(answer.noRoom);
    if ("notStarted" in answer) throw failureOf("worker-lost", "the worker that prepared the cell went away");
    const prepared = { ...cell, environment: reported(answer.environment) };
    memory.installed(prepared);
    return prepared;
  } catch (error) {
    await dropCell(kept, "its packages were not installed");
    // A cell that has never run anything is no loss.
    memory.gone = gone;
    throw toWorkflowFailure(error);
  }
}

/** Prepares a cell, with the files of the last checkpoint if it is not the first one. */
async function prepare(kept: Kept): Promise<ReadyCell> {
  const { session, memory, where } = kept;
  memory.cells += 1;
  const cell = await provisionWithFallback({
    request: session,
    attempt: memory.cells,
    firstRunId: workflowInfo().firstExecutionRunId,
    session: { ends: memory.ends },
  });
  if ("restarted" in cell || !cell.session) throw failureOf("internal", "the cell is not that of a session");
  const ends = memory.ends ?? memory.started + cell.session.maximumAgeMilliseconds;
  memory.provisioned(cell, ends);
  const prepared = cell.packages === undefined ? cell : await install(kept, cell, ends);
  where.place = "here";
  const { gone, checkpoint } = memory;
  if (gone === null) return { cell: prepared, ends, restored: null };
  try {
    await restore(kept, prepared, ends);
  } catch (error) {
    await dropCell(kept, gone);
    throw error;
  }
  return { cell: prepared, ends, restored: { checkpoint, kernel: "new", reason: gone } };
}

/** The present cell, or a new one. @throws ApplicationFailure `session-lost` if the session must not have a new one */
async function ready(kept: Kept): Promise<ReadyCell> {
  const { memory } = kept;
  if (memory.wasReset()) await dropCell(kept, "the session's workflow was reset");
  const { cell, ends, gone } = memory;
  if (cell !== null && ends !== null) return { cell, ends, restored: null };
  if (gone !== null && memory.neverRestores) {
    throw failureOf("session-lost", `the cell of the session is gone: ${gone}`);
  }
  return prepare(kept);
}

const isTimeToLook = (memory: SessionMemory, { mayCheckpoint }: Wanted): boolean =>
  mayCheckpoint && !memory.neverRestores && Date.now() >= nextLook({ ...memory, failures: 0 });

async function run(kept: Kept, wanted: Wanted): Promise<Ran> {
  const { memory } = kept;
  const pause = refusalPauses();
  let restored: Restored | null = null;
  let losses = 0;
  while (losses < maximumLosses) {
    const place = await ready(kept);
    restored = place.restored ?? restored;
    const attempt = await runHere(kept, place.cell, place.ends, wanted);
    if ("answer" in attempt) {
      const { status, reason } = attempt.answer.output;
      if (status === "lost") await dropCell(kept, reason ?? "the end of a call is unknown");
      else if (status !== "cancelled" && isTimeToLook(memory, wanted)) {
        const failure = await keepChanges(kept);
        if (failure !== undefined) return { answer: { ...attempt.answer, checkpointFailure: failure }, restored };
      }
      return { answer: attempt.answer, restored };
    }
    if ("noRoom" in attempt) {
      // A cell that has never run anything is no loss.
      const { gone } = memory;
      await dropCell(kept, attempt.noRoom);
      memory.gone = gone;
      await pause(attempt.noRoom);
      continue;
    }
    losses += 1;
    log.warn("the cell of the session is gone", { cellId: place.cell.cellId, reason: attempt.gone });
    await dropCell(kept, attempt.gone);
  }
  throw failureOf("worker-lost", `${maximumLosses} cells of the session were lost before the code was started`);
}

/** Creates the keeper of a session's cell. */
export function createCellKeeper(session: unknown, memory: SessionMemory): CellKeeper {
  const kept: Kept = { session, memory, where: { place: memory.place } };
  return {
    run: (wanted) => run(kept, wanted),
    keepChanges: () => keepChanges(kept),
    drop: (reason) => dropCell(kept, reason),
    where: kept.where,
  };
}
