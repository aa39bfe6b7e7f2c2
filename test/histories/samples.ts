import type { ExecuteOutput, ProvisionedCell } from "#activities/contract";
import type { Environment } from "#core/packages/environment";
import { scriptedIsolation } from "../support/scripted-provider.ts";

/** The queues of the recording's shared workers, of a host that responds, and of a host that is gone. */
export const queues = { shared: "histories", host: "histories-host-here", gone: "histories-host-gone" } as const;

/** A request as any SDK sends it. */
export const request = { code: "print(1)", language: "python", requester: "recorder" };

const stream = (text: string): ExecuteOutput["stdout"] => ({
  text,
  encoding: "utf-8",
  truncated: false,
  bytes: text.length,
  sha256: "0".repeat(64),
  ref: null,
});

/** The result of `execute` for code that exited with 0, with changes. */
export const output = (changes: Partial<ExecuteOutput> = {}): ExecuteOutput => ({
  status: "succeeded",
  exitCode: 0,
  signal: null,
  reason: null,
  stdout: stream("1\n"),
  stderr: stream(""),
  files: [],
  filesOmitted: [],
  isolation: null,
  startedAt: "2026-01-01T00:00:01.000Z",
  finishedAt: "2026-01-01T00:00:02.000Z",
  usage: { peakMemoryBytes: 1_000_000, cpuSeconds: 0.1 },
  ...changes,
});

/** The result of `execute` for code that exited with 1. */
export const failedOutput = output({ status: "failed", exitCode: 1, reason: "the code exited with 1" });

/** The result of `execute` for code that was stopped. */
export const cancelledOutput = output({ status: "cancelled", exitCode: null, reason: "the run was cancelled" });

/** The result of `salvage`. */
export const lostOutput = output({ status: "lost", exitCode: null, reason: "the worker went away", startedAt: null });

/** The result of `prepareEnvironment`. */
export const environment: Environment = {
  ecosystem: "python",
  version: "3.13.1",
  platform: "x86_64-manylinux_2_36",
  hash: "0".repeat(64),
  lock: `six==1.17.0 --hash=sha256:${"0".repeat(64)}\n`,
};

/** A sandbox cell on the host that responds, with changes. */
export const sandboxCell = (cellId: string, changes: Partial<ProvisionedCell> = {}): ProvisionedCell => ({
  cellId,
  backend: "subprocess",
  taskQueue: queues.host,
  isolation: scriptedIsolation,
  fallback: null,
  language: "python",
  requester: "recorder",
  title: "print(1)",
  timeoutMilliseconds: 10_000,
  startupTimeoutMilliseconds: 10_000,
  maximumAttempts: 1,
  ttlMilliseconds: 500,
  searchAttributes: false,
  ...changes,
});

/** A cell of a cluster, with changes. */
export const clusterCell = (cellId: string, changes: Partial<ProvisionedCell> = {}): ProvisionedCell =>
  sandboxCell(cellId, { backend: "kubernetes", taskQueue: null, ...changes });
