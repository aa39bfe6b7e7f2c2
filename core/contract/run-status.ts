/** The statuses of a run. */
export const runStatuses = [
  "succeeded",
  "failed",
  "timed-out",
  "out-of-memory",
  "output-limit",
  "cancelled",
  "lost",
] as const;

/** The status of a run. */
export type RunStatus = (typeof runStatuses)[number];
