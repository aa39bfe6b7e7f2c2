import {
  isGrpcServiceError,
  NamespaceNotFoundError,
  ServiceError,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { KgentsError } from "#core/contract/error";
import { type FailureDetails, type FailureKind, isFailureKind } from "#core/contract/failure";
import { messageOf } from "#core/text/message-of";
import { fullDiskRemedy, isDiskFull } from "#platform/host/disk-space";
import { errorCode, systemCodeOf } from "#platform/host/error-code";
import { namespaceUnavailable } from "#platform/temporal/temporal-unavailable";

/** Why a run could not be carried out. */
export interface RunFailure {
  readonly kind: FailureKind;
  readonly message: string;
  /** The rejected field of the request, if there is one. */
  readonly field: string | null;
  readonly remedy: string;
}

/** Converts an error to a failure. */
export function runFailureOf(error: unknown, id: string): RunFailure {
  const { code, message, field = null, remedy } = toKgentsError(error, id);
  return { kind: code, message, field, remedy };
}

/** System errors that a user can fix on this machine: missing rights, or a file in place of a directory. */
const ofTheMachine = ["EACCES", "EPERM", "EROFS", "ENOTDIR"];

/** Converts any error around a run to a KgentsError. */
export function toKgentsError(error: unknown, id: string): KgentsError {
  if (error instanceof KgentsError) return error;
  if (error instanceof WorkflowFailedError) return fromCause(error, id);
  if (error instanceof WorkflowNotFoundError) {
    return new KgentsError("not-found", `there is no run ${id}`, { cause: error });
  }
  if (error instanceof NamespaceNotFoundError) return namespaceUnavailable(error.namespace, error);
  // The client wraps errors of its own calls, but not those of the gRPC service.
  const refusal = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(refusal)) {
    return new KgentsError("temporal-unavailable", `Temporal did not respond: ${refusal.details || refusal.message}`, {
      cause: error,
    });
  }
  const message = messageOf(error);
  if (isDiskFull(error)) {
    return new KgentsError("disk-full", message, { cause: error, remedy: fullDiskRemedy });
  }
  if (ofTheMachine.includes(errorCode(error) ?? "")) {
    return new KgentsError("stack-start", message, {
      cause: error,
      remedy:
        "Make the directory writable for this user, or choose other directories with XDG_STATE_HOME and XDG_CACHE_HOME.",
    });
  }
  const code = systemCodeOf(error);
  if (code !== undefined) {
    return new KgentsError("system-error", message.includes(code) ? message : `${message}: ${code}`, { cause: error });
  }
  return new KgentsError("internal", message, { cause: error });
}

/** Failure details of other programs may have any type. */
const textOrNothing = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

function fromCause(error: WorkflowFailedError, id: string): KgentsError {
  const { cause } = error;
  if (cause instanceof ApplicationFailure && isFailureKind(cause.type)) {
    const details = cause.details?.[0] as Partial<Record<keyof FailureDetails, unknown>> | null | undefined;
    const field = textOrNothing(details?.field);
    return new KgentsError(cause.type, cause.message, { cause: error, field, remedy: textOrNothing(details?.remedy) });
  }
  if (cause instanceof TerminatedFailure) {
    return new KgentsError("terminated", `the run ${id} was terminated: ${cause.message || "no reason was given"}`, {
      cause: error,
    });
  }
  if (cause instanceof TimeoutFailure) {
    return new KgentsError("worker-lost", `the run ${id} timed out in Temporal`, { cause: error });
  }
  return new KgentsError("internal", cause?.message ?? error.message, { cause: error });
}
