import { checkpointExits, maximumCheckpointBytes } from "#core/contract/session/programs";
import type { ExecuteOutput } from "./contract.ts";
import { wordsOf } from "./file-lists.ts";
import type { SessionProgramOutput } from "./session-contract.ts";

/** What the program of a checkpoint has made: its output is the archive. */
export function checkpointOf({
  status,
  exitCode,
  reason,
  stdout,
  stderr,
  startedAt,
  finishedAt,
}: ExecuteOutput): Pick<SessionProgramOutput, "checkpoint" | "checkpointFailure"> {
  if (status === "succeeded") {
    const { bytes, sha256, ref } = stdout;
    return { checkpoint: { at: startedAt ?? finishedAt, bytes, sha256, ref } };
  }
  if (exitCode === checkpointExits.unchanged) return { checkpoint: null };
  if (exitCode === checkpointExits.tooLarge) {
    const most = maximumCheckpointBytes / 2 ** 20;
    return { checkpointFailure: `the files of the session are larger than a checkpoint may be, which is ${most} MiB` };
  }
  const said = wordsOf(stderr).trim().split("\n").at(-1)?.slice(0, 200) || reason || "it did not end";
  return { checkpointFailure: `the files of the session could not be read: ${said}` };
}
