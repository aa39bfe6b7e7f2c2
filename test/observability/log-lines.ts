/** What a worker's log says of a run. */
import { expect } from "vitest";
import type { WorkerProcess } from "../support/worker-process.ts";

/** A line of a worker's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** What every line about a run says. */
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

/** The lines about a run so far, each checked for saying all of it. */
export function linesAbout(worker: WorkerProcess, about: AboutRun): LogLine[] {
  const found = linesOfLog(worker).filter((line) => JSON.stringify(line).includes(about.workflowId));
  // At level debug; the SDK says so before anybody is shown the input.
  const { requester: _, ...early } = about;
  for (const line of found)
    expect(line).toMatchObject(/^(?:Workflow|Activity) started$/.test(String(line.msg)) ? early : about);
  return found;
}
