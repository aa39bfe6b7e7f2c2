import {
  isGrpcServiceError,
  ServiceError,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { KgentsError } from "../core/error.ts";
import { type FailureDetails, isFailureKind } from "../core/failure.ts";

/** Turns whatever Temporal's client throws for a run into an error of ours. */
export function toKgentsError(error: unknown, id: string): KgentsError {
  if (error instanceof KgentsError) return error;
  if (error instanceof WorkflowFailedError) return fromCause(error, id);
  if (error instanceof WorkflowNotFoundError) {
    return new KgentsError("not-found", `there is no run ${id}`, { cause: error });
  }
  if (error instanceof ServiceError && isGrpcServiceError(error.cause)) {
    return new KgentsError("temporal-unavailable", `Temporal did not answer: ${error.cause.details || error.message}`, {
      cause: error,
    });
  }
  return new KgentsError("internal", error instanceof Error ? error.message : String(error), { cause: error });
}

function fromCause(error: WorkflowFailedError, id: string): KgentsError {
  const { cause } = error;
  if (cause instanceof ApplicationFailure && isFailureKind(cause.type)) {
    const details = cause.details?.[0] as Partial<FailureDetails> | undefined;
    return new KgentsError(cause.type, cause.message, { cause: error, field: details?.field, remedy: details?.remedy });
  }
  if (cause instanceof TerminatedFailure) {
    return new KgentsError("terminated", `the run ${id} was terminated: ${cause.message || "no reason was given"}`, {
      cause: error,
    });
  }
  if (cause instanceof TimeoutFailure) {
    return new KgentsError("worker-lost", `the run ${id} was not carried out in time`, { cause: error });
  }
  return new KgentsError("internal", cause?.message ?? error.message, { cause: error });
}
