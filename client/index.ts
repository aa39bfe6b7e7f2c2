/**
 * kgents: disposable code execution. The TypeScript API.
 *
 * @module
 */
export type { ArtifactStore } from "#activities/store/artifact-store";
export type { StreamName } from "#activities/store/references";
export type { BatchOutcome, BatchProgress, BatchSummary } from "#core/batch";
export { KgentsError } from "#core/error";
export { exitCodeOf } from "#core/exit-code";
export { type FailureKind, failureKinds } from "#core/failure";
export { createPythonJob, createShellJob, JobBuilder } from "#core/job-builder";
export { builtInLanguages, type Language } from "#core/language";
export { defaultTaskQueue, executeCodeWorkflow, type Phase, phaseQuery, searchAttributes } from "#core/names";
export { parseRequest } from "#core/parse-request";
export { type Content, type ExecutionRequest, type ExecutionSpec, requestSchema } from "#core/request";
export {
  type BackendName,
  type Enforcement,
  type ExecutionResult,
  type FileResult,
  type Isolation,
  type RunStatus,
  resultSchema,
  type StreamResult,
} from "#core/result";
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
