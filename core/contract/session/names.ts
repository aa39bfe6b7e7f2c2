/**
 * Names that clients of sessions depend on: the workflow type, its updates and its queries.
 *
 * @module
 */

/** The workflow type of a session. */
export const codeSessionWorkflow = "codeSession";

/** The updates of a session. */
export const sessionUpdates = {
  run: "run",
  writeFiles: "writeFiles",
  readFiles: "readFiles",
  listFiles: "listFiles",
  removeFiles: "removeFiles",
  interrupt: "interrupt",
  checkpoint: "checkpoint",
  close: "close",
} as const;

/** The name of an update of a session. */
export type SessionUpdate = keyof typeof sessionUpdates;

/** The queries of a session. */
export const sessionQueries = { state: "state", calls: "calls" } as const;
