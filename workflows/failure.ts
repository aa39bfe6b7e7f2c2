import { ActivityFailure, ApplicationFailure, TimeoutFailure } from "@temporalio/workflow";
import { type FailureDetails, type FailureKind, failureKinds, isFailureKind } from "#core/contract/failure";
import type { InputFault } from "#core/contract/workflow-inputs";

/** Creates a workflow failure of a known kind. */
export function failureOf(kind: FailureKind, message: string, details?: unknown[] | null): ApplicationFailure {
  const known: FailureDetails = { kind, remedy: failureKinds[kind].remedy };
  return ApplicationFailure.create({
    type: kind,
    message,
    nonRetryable: true,
    details: details && details.length > 0 ? details : [known],
  });
}

/** Whether an activity failed with this kind. */
export const isKind = (error: unknown, kind: FailureKind): error is ActivityFailure & { cause: ApplicationFailure } =>
  error instanceof ActivityFailure && error.cause instanceof ApplicationFailure && error.cause.type === kind;

/**
 * Refuses an input that is out of its bounds.
 *
 * @throws ApplicationFailure `invalid-request`
 */
export function refuse(fault: InputFault | undefined): void {
  if (fault === undefined) return;
  const kind = "invalid-request";
  const details: FailureDetails = { kind, field: fault.field, remedy: failureKinds[kind].remedy };
  throw failureOf(kind, fault.message, [details]);
}

/**
 * Converts an activity failure to a workflow failure of a known kind, with its message and remedy. Other errors are
 * returned unchanged.
 */
export function toWorkflowFailure(error: unknown): unknown {
  if (!(error instanceof ActivityFailure)) return error;
  const { cause } = error;
  if (cause instanceof ApplicationFailure) {
    return failureOf(isFailureKind(cause.type) ? cause.type : "internal", cause.message, cause.details);
  }
  if (cause instanceof TimeoutFailure) {
    return failureOf("worker-lost", `${error.activityType}: no worker finished it in time (${cause.timeoutType})`);
  }
  return failureOf("internal", cause?.message ?? error.message);
}
