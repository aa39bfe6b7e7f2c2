/**
 * kgents: disposable code execution. The TypeScript API.
 *
 * @module
 */

export type { BatchOutcome, BatchProgress, BatchSummary } from "#core/contract/batch";
export { KgentsError } from "#core/contract/error";
export { exitCodeOf } from "#core/contract/exit-code";
export { type FailureKind, failureKinds } from "#core/contract/failure";
export { builtInLanguages, type Language } from "#core/contract/language";
export { defaultTaskQueue, executeCodeWorkflow, type Phase, phaseQuery, searchAttributes } from "#core/contract/names";
export { parseRequest } from "#core/contract/parse-request";
export { type Content, type ExecutionRequest, type ExecutionSpec, requestSchema } from "#core/contract/request";
export {
  type BackendName,
  type Enforcement,
  type ExecutionResult,
  type FileResult,
  type Isolation,
  type RunStatus,
  resultSchema,
  type StreamResult,
} from "#core/contract/result";
export { createPythonJob, createShellJob, JobBuilder } from "#core/manifest/job-builder";
export type { ArtifactStore } from "#platform/store/artifact-store";
export type { StreamName } from "#platform/store/references";
export type { BatchHandle, BatchItem } from "./batch/batch-handle.ts";
export type { BatchOptions } from "./batch/start-batch.ts";
export type { ExecutionDescription, ExecutionHandle } from "./execution-handle.ts";
export type { RunFailure } from "./failure.ts";
export { type FilesFromOptions, filesFrom } from "./input-files/files-from.ts";
export type { OutputEvent } from "./output/event.ts";
export { Quartermaster } from "./quartermaster.ts";
export type { DryRunResult, Mode, Outcome, QuartermasterOptions } from "./quartermaster-options.ts";
export type { RunDetails, RunTimings } from "./runs/inspect-run.ts";
export type { ListOptions, RunSummary } from "./runs/list-runs.ts";
export type { RunFilter } from "./runs/run-query.ts";
export { type RunState, runStates } from "./runs/run-state.ts";
export type { Overlap, ScheduleEntry, ScheduleOptions } from "./schedules/schedules.ts";
export type { StartOptions } from "./start-execution.ts";
