/**
 * kgents: disposable code execution. The TypeScript API.
 *
 * @module
 */
import "./require-node.ts";

export type { BatchOutcome, BatchProgress, BatchSummary } from "#core/contract/batch";
export { exitCodeOf } from "#core/contract/command-exit-code";
export { KgentsError } from "#core/contract/error";
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
  resultSchema,
  type StreamResult,
} from "#core/contract/result";
export type { RunStatus } from "#core/contract/run-status";
export type { ReadFiles, RemoveFiles, RunCall, WriteFiles } from "#core/contract/session/calls";
export {
  codeSessionWorkflow,
  type SessionUpdate,
  sessionQueries,
  sessionUpdates,
} from "#core/contract/session/names";
export type {
  CallEntry,
  CallResult,
  CallStatus,
  Checkpoint,
  Display,
  DisplayContent,
  FilesListed,
  FilesRead,
  Removed,
  Restored,
  SessionEnd,
  SessionState,
  Written,
} from "#core/contract/session/result";
export { type SessionRequest, sessionSchema } from "#core/contract/session/session";
export { createPythonJob, createShellJob, JobBuilder } from "#core/manifest/job-builder";
export type { ArtifactStore } from "#platform/store/artifact-store";
export type { StreamName } from "#platform/store/references";
export type { BatchHandle } from "./sdk/batch/batch-handle.ts";
export type { BatchItem } from "./sdk/batch/batch-items.ts";
export type { BatchOptions } from "./sdk/batch/start-batch.ts";
export type { ExecutionDescription, ExecutionHandle } from "./sdk/execution-handle.ts";
export type { RunFailure } from "./sdk/failure.ts";
export { type FilesFromOptions, filesFrom } from "./sdk/input-files/files-from.ts";
export type { OutputEvent } from "./sdk/output/event.ts";
export { Quartermaster } from "./sdk/quartermaster.ts";
export type { DryRunResult, Mode, Outcome, QuartermasterOptions } from "./sdk/quartermaster-options.ts";
export type { RunDetails, RunTimings } from "./sdk/runs/inspect-run.ts";
export type { ListOptions, RunSummary } from "./sdk/runs/list-runs.ts";
export type { RunFilter } from "./sdk/runs/run-query.ts";
export { type RunState, runStates } from "./sdk/runs/run-state.ts";
export type { Overlap, ScheduleEntry, ScheduleOptions } from "./sdk/schedules/schedules.ts";
export type { CodeSession, SessionFiles } from "./sdk/sessions/code-session.ts";
export type { SessionSummary } from "./sdk/sessions/list-sessions.ts";
export type { SessionOptions } from "./sdk/sessions/open-session.ts";
export type { StartOptions } from "./sdk/start-execution.ts";
