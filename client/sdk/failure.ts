import { KgentsError } from "#core/contract/error";
import { type FailureDetails, type FailureKind, isFailureKind } from "#core/contract/failure";
import { messageOf } from "#core/text/message-of";
import { fullDiskRemedy, isDiskFull } from "#platform/host/disk-space";
import { errorCode, systemCodeOf } from "#platform/host/error-code";
import { namespaceUnavailable } from "#platform/temporal/temporal-unavailable";
import { type Problem, problemOf, type WorkflowFailure } from "./temporal/problem.ts";

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
  const problem = problemOf(error);
  if (problem && problem.kind !== "already-started") return ofTemporal(problem, id, error);
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

function ofTemporal(problem: Exclude<Problem, { kind: "already-started" }>, id: string, cause: unknown): KgentsError {
  switch (problem.kind) {
    case "failed":
      return ofFailure(problem.failure, id, cause);
    case "not-found":
      return new KgentsError("not-found", `there is no run ${id}`, { cause });
    case "no-namespace":
      return namespaceUnavailable(problem.namespace, cause);
    case "closed":
      return new KgentsError("temporal-unavailable", "the connection to Temporal was closed", { cause });
    case "unanswered":
      return new KgentsError("temporal-unavailable", `Temporal did not respond: ${problem.details}`, { cause });
  }
}

function ofFailure({ kind, message, type, details: given }: WorkflowFailure, id: string, cause: unknown): KgentsError {
  if (kind === "application" && isFailureKind(type)) {
    const details = given?.[0] as Partial<Record<keyof FailureDetails, unknown>> | null | undefined;
    const field = textOrNothing(details?.field);
    return new KgentsError(type, message, { cause, field, remedy: textOrNothing(details?.remedy) });
  }
  if (kind === "terminated") {
    return new KgentsError("terminated", `the run ${id} was terminated: ${message || "no reason was given"}`, {
      cause,
    });
  }
  if (kind === "timed-out") {
    return new KgentsError("worker-lost", `the run ${id} timed out in Temporal`, { cause });
  }
  return new KgentsError("internal", message, { cause });
}
