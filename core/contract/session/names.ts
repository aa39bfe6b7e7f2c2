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

/** The languages whose code runs in a kernel, which keeps names between calls. */
export const kernelLanguages = ["python", "javascript", "typescript", "bash"] as const;

/** A language with a kernel. */
export type KernelLanguage = (typeof kernelLanguages)[number];

/** Whether a language has a kernel, by its canonical name. */
export const hasKernel = (language: string): language is KernelLanguage =>
  kernelLanguages.some((known) => known === language);
