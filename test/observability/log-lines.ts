/** What a worker's log contains about a run. */
import { expect } from "vitest";
import type { WorkerProcess } from "../support/worker-process.ts";

/** A line of a worker's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** The fields of every line about a run. */
export interface AboutRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly requester: string;
}

/** All lines so far. */
export const linesOfLog = (worker: WorkerProcess): LogLine[] =>
  worker
    .log()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** The lines about a run up to now. Checks that each has all fields. */
export function linesAbout(worker: WorkerProcess, about: AboutRun): LogLine[] {
  const found = linesOfLog(worker).filter((line) => JSON.stringify(line).includes(about.workflowId));
  // At level debug: the SDK logs these before any code of ours sees the input.
  const { requester: _, ...early } = about;
  for (const line of found)
    expect(line).toMatchObject(/^(?:Workflow|Activity) started$/.test(String(line.msg)) ? early : about);
  return found;
}
