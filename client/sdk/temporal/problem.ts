/**
 * Why a call to Temporal failed, or how a workflow failed, whichever transport the call took.
 *
 * @module
 */
import { grpcStatus } from "#platform/temporal/grpc-status";

/** How a workflow failed. `type` and `details` are those of an application failure. */
export interface WorkflowFailure {
  readonly kind: "application" | "terminated" | "timed-out" | "other";
  readonly message: string;
  readonly type?: string | undefined;
  readonly details?: readonly unknown[] | undefined;
}

export type Problem =
  | { readonly kind: "not-found" }
  | { readonly kind: "already-started" }
  | { readonly kind: "no-namespace"; readonly namespace: string }
  /** The connection was closed by this process. */
  | { readonly kind: "closed" }
  /** The server did not answer, or refused the call. @see grpcStatus */
  | { readonly kind: "unanswered"; readonly code: number; readonly details: string }
  | { readonly kind: "failed"; readonly failure: WorkflowFailure };

/** An error with a known problem. */
export class TemporalError extends Error {
  readonly problem: Problem;
  constructor(message: string, problem: Problem, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}
TemporalError.prototype.name = "TemporalError";

/** The fields of the SDK's errors that are used here. */
interface SdkError extends Error {
  readonly code?: unknown;
  readonly details?: unknown;
  readonly metadata?: unknown;
  readonly namespace?: unknown;
  readonly type?: unknown;
}

/** An error of gRPC itself, which the SDK wraps or passes on. */
function refusalOf(error: unknown): Problem | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, details, metadata, message }: SdkError = error;
  if (typeof details !== "string" || typeof metadata !== "object" || metadata === null) return undefined;
  return { kind: "unanswered", code: Number(code), details: details || message };
}

const failureKinds: Readonly<Record<string, WorkflowFailure["kind"]>> = {
  ApplicationFailure: "application",
  TerminatedFailure: "terminated",
  TimeoutFailure: "timed-out",
};

function failureOf({ cause, message }: SdkError): WorkflowFailure {
  if (!(cause instanceof Error)) return { kind: "other", message };
  const { name, message: why, type, details }: SdkError = cause;
  return {
    kind: failureKinds[name] ?? "other",
    message: why,
    type: typeof type === "string" ? type : undefined,
    details: Array.isArray(details) ? details : undefined,
  };
}

/**
 * The problem of an error; undefined if it is about something else. The SDK's errors are recognised by their names:
 * loading the package that defines them takes longer than most commands.
 */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof TemporalError) return error.problem;
  if (!(error instanceof Error)) return undefined;
  switch (error.name) {
    case "WorkflowNotFoundError":
      return { kind: "not-found" };
    case "WorkflowExecutionAlreadyStartedError":
      return { kind: "already-started" };
    case "NamespaceNotFoundError":
      return { kind: "no-namespace", namespace: String((error as SdkError).namespace) };
    case "WorkflowFailedError":
    case "WorkflowUpdateFailedError":
      return { kind: "failed", failure: failureOf(error) };
    case "WorkflowUpdateRPCTimeoutOrCancelledError":
      return { kind: "unanswered", code: grpcStatus.deadlineExceeded, details: error.message };
    case "ServiceError":
      return refusalOf(error.cause);
    default:
      return refusalOf(error);
  }
}

/** Whether there is no such workflow, or no longer. */
export function isNotFound(error: unknown): boolean {
  const problem = problemOf(error);
  return problem?.kind === "not-found" || (problem?.kind === "unanswered" && problem.code === grpcStatus.notFound);
}
