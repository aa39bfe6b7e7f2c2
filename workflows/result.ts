import { workflowInfo } from "@temporalio/workflow";
import type { ExecuteOutput, ProvisionedCell } from "#activities/contract";
import type { ExecutionResult, StreamResult } from "#core/contract/result";
import type { RunStatus } from "#core/contract/run-status";

const emptyStream: StreamResult = {
  text: "",
  encoding: "utf-8",
  truncated: false,
  bytes: 0,
  // The SHA-256 of empty input.
  sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  ref: null,
};

/** The output of code that was never started. */
export const emptyOutput = (status: RunStatus, reason: string): ExecuteOutput => ({
  status,
  exitCode: null,
  signal: null,
  reason,
  stdout: emptyStream,
  stderr: emptyStream,
  files: [],
  filesOmitted: [],
  isolation: null,
  startedAt: null,
  finishedAt: new Date().toISOString(),
  usage: { peakMemoryBytes: null, cpuSeconds: null },
});

/** Composes the result from the outputs of the phases. */
export function composeResult(parts: {
  cell: ProvisionedCell | null;
  output: ExecuteOutput;
  attempts: number;
  provisioned: Date | null;
  language: string;
  environment?: ExecutionResult["environment"];
}): ExecutionResult {
  const { cell, output } = parts;
  const { workflowId, runId, startTime } = workflowInfo();
  return {
    id: workflowId,
    runId,
    status: output.status,
    exitCode: output.exitCode,
    signal: output.signal,
    reason: output.reason,
    stdout: output.stdout,
    stderr: output.stderr,
    files: output.files,
    filesOmitted: output.filesOmitted,
    ...(output.notices ? { notices: output.notices } : {}),
    language: parts.language,
    backend: cell?.backend ?? null,
    fallback: cell?.fallback ?? null,
    ...(parts.environment && { environment: parts.environment }),
    isolation: output.isolation ?? cell?.isolation ?? null,
    attempts: parts.attempts,
    timings: {
      queued: startTime.toISOString(),
      provisioned: parts.provisioned?.toISOString() ?? null,
      started: output.startedAt,
      finished: output.finishedAt,
    },
    usage: output.usage,
  };
}
