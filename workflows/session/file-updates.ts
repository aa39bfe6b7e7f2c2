/**
 * The updates of a session that are about its files.
 *
 * @module
 */
import type { SessionProgram, SessionProgramOutput } from "#activities/session-contract";
import type { Checkpointed, FilesListed, FilesRead, Removed, Written } from "#core/contract/session/result";
import { failureOf } from "../failure.ts";
import { fileFailure } from "./call-result.ts";
import type { CellKeeper } from "./cell-keeper.ts";
import type { Ran } from "./wanted.ts";

/** The time limit of a program that is about files, in milliseconds. */
const fileMilliseconds = 300_000;

/** Runs a program that is about files. @throws ApplicationFailure if it failed */
async function runFiles(keeper: CellKeeper, program: SessionProgram, what: string): Promise<Ran> {
  const mayCheckpoint = program.kind === "writeFiles" || program.kind === "removeFiles";
  const ran = await keeper.run({ program, summary: what, milliseconds: fileMilliseconds, mayCheckpoint });
  // A checkpoint says itself why it was not made.
  const failure = program.kind === "checkpoint" ? undefined : fileFailure(ran.answer, `${what} failed`);
  if (failure) throw failure;
  return ran;
}

/** Writes files into the work directory. */
export async function writeFiles(keeper: CellKeeper, call: unknown): Promise<Written> {
  const { answer, restored } = await runFiles(keeper, { kind: "writeFiles", call }, "write files");
  return { written: [...(answer.written ?? [])], restored };
}

/** Reads files of the work directory. */
export async function readFiles(keeper: CellKeeper, call: unknown): Promise<FilesRead> {
  const { answer, restored } = await runFiles(keeper, { kind: "readFiles", call }, "read files");
  const { files, filesOmitted } = answer.output;
  return { files, filesOmitted, restored };
}

/** Lists the files of the work directory. */
export async function listFiles(keeper: CellKeeper): Promise<FilesListed> {
  const { answer, restored } = await runFiles(keeper, { kind: "listFiles" }, "list files");
  const { files, omitted } = answer.listed ?? { files: [], omitted: 0 };
  return { files, omitted, restored };
}

/** Removes files of the work directory. */
export async function removeFiles(keeper: CellKeeper, call: unknown): Promise<Removed> {
  const { answer, restored } = await runFiles(keeper, { kind: "removeFiles", call }, "remove files");
  const { removed, missing } = answer.removed ?? { removed: [], missing: [] };
  return { removed: [...removed], missing: [...missing], restored };
}

/** Makes a checkpoint. @throws ApplicationFailure `system-error` if it could not be made */
export async function makeCheckpoint(keeper: CellKeeper): Promise<Checkpointed> {
  const { answer, restored } = await runFiles(keeper, { kind: "checkpoint", when: "always" }, "make a checkpoint");
  const { checkpoint } = answer;
  if (!checkpoint) throw failureOf("system-error", `no checkpoint was made: ${reasonOf(answer)}`);
  return { checkpoint, restored };
}

const reasonOf = ({ checkpointFailure, output }: SessionProgramOutput): string =>
  checkpointFailure ?? output.reason ?? "the program did not end";
