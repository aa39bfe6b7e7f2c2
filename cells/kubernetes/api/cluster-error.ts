/**
 * Classifies errors of a cluster's API by what they mean for a run.
 *
 * @module
 */

import { KgentsError } from "#core/contract/error";
import type { FailureKind } from "#core/contract/failure";
import { messageOf } from "#core/text/message-of";
import { isQuotaRefusal } from "../quotas/quota.ts";

/** The reason of a request that timed out, as Kubernetes names it. */
export const timeOutReason = "Timeout";

/** One cause of a refusal, as Kubernetes reports it. */
export interface ErrorCause {
  /** The machine-readable reason, such as `FieldValueInvalid` or `FieldManagerConflict`. */
  readonly reason: string;
  readonly message: string;
  /** The path of the field, such as `.spec.replicas`; empty if the cause is not about a field. */
  readonly field: string;
}

/** A request to the API server that failed. */
export class ClusterError extends Error {
  /** The HTTP status; undefined if there was no response. */
  readonly status: number | undefined;
  /** Kubernetes' machine-readable reason, such as `AlreadyExists`, if there was one. */
  readonly reason: string | undefined;
  /** The operation that failed, for the message of a failure. */
  readonly what: string;
  /** The causes that the server listed. Empty if it listed none. */
  readonly causes: readonly ErrorCause[];

  constructor(
    what: string,
    message: string,
    about: {
      status?: number | undefined;
      reason?: string | undefined;
      causes?: readonly ErrorCause[];
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: about.cause });
    this.what = what;
    this.status = about.status;
    this.reason = about.reason;
    this.causes = about.causes ?? [];
  }
}
Object.defineProperty(ClusterError.prototype, "name", { value: "ClusterError", configurable: true, writable: true });

/** A request that this process decided not to send. It is not retried. */
export class RequestNotSent extends Error {}
Object.defineProperty(RequestNotSent.prototype, "name", {
  value: "RequestNotSent",
  configurable: true,
  writable: true,
});

interface ApiFailure {
  readonly code?: unknown;
  readonly body?: unknown;
}

/** The fields of a Status, none of which is sure to be there. */
interface StatusBody {
  readonly message?: unknown;
  readonly reason?: unknown;
  readonly details?: { readonly causes?: unknown } | null;
}

/** Parses the body of a failed request: a Status, as an object or as JSON. */
function statusOf(body: unknown): StatusBody {
  if (typeof body === "object" && body !== null) return body;
  if (typeof body !== "string") return {};
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? parsed : { message: body };
  } catch {
    return { message: body.trim() };
  }
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** The causes in the details of a Status. */
function causesOf({ details }: StatusBody): readonly ErrorCause[] {
  const causes: unknown = details?.causes;
  if (!Array.isArray(causes)) return [];
  return causes.map(({ reason, message, field }) => ({
    reason: textOf(reason),
    message: textOf(message),
    field: textOf(field),
  }));
}

/** The message of the innermost cause of a failed connection: `fetch failed` alone is not helpful. */
function innermost(error: unknown): string {
  let current = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  if (current instanceof AggregateError && current.errors.length > 0) return innermost(current.errors[0]);
  return messageOf(current);
}

/** Converts an error of the Kubernetes client to a {@link ClusterError}. */
export function toClusterError(what: string, error: unknown): ClusterError {
  if (error instanceof ClusterError) return error;
  const { code, body }: ApiFailure = typeof error === "object" && error !== null ? error : {};
  if (typeof code !== "number") return new ClusterError(what, innermost(error), { cause: error });
  const status = statusOf(body);
  const { message, reason } = status;
  return new ClusterError(what, typeof message === "string" && message !== "" ? message : `HTTP ${code}`, {
    status: code,
    reason: typeof reason === "string" ? reason : undefined,
    causes: causesOf(status),
    cause: error,
  });
}

/** A field of an object that another field manager owns. */
export interface FieldConflict {
  /** The path of the field, such as `.spec.replicas`. */
  readonly field: string;
  /** The manager that owns it, such as `kubectl-edit`. */
  readonly manager: string;
}

/** The conflicts for which the server refused a server-side apply. Empty if the error is another one. */
export const fieldConflicts = ({ causes }: ClusterError): readonly FieldConflict[] =>
  causes
    .filter(({ reason }) => reason === "FieldManagerConflict")
    // The message is `conflict with "kubectl-edit" using apps/v1`.
    .map(({ field, message }) => ({ field, manager: /^conflict with "([^"]*)"/.exec(message)?.[1] ?? message }));

/** The server answers 500 to a server-side apply of an object with unknown or malformed fields. */
const malformedApply = /^failed to create typed patch object/;

/** Whether a retry may succeed: the server is busy, restarting, or had a write conflict on a quota. */
export function mayPass({ status, message }: ClusterError): boolean {
  if (status === undefined) return true;
  if (status === 409) return /Operation cannot be fulfilled on resourcequotas/.test(message);
  return status === 429 || (status >= 500 && status !== 501 && !malformedApply.test(message));
}

/**
 * The API server's messages of admission refusals: Pod Security, LimitRange, webhooks and policies, a runtime class, a priority class.
 */
export const admissionWords =
  /violates PodSecurity|(?:maximum|minimum) .+ usage per|must be less than or equal to|admission webhook .+ denied|ValidatingAdmissionPolicy|RuntimeClass .+ not found|no PriorityClass with name/;

const kindOf = (error: ClusterError): FailureKind => {
  const { status, message } = error;
  if (status === undefined) return "cluster-unavailable";
  if (status === 403 && isQuotaRefusal(message)) return "quota-exceeded";
  if (admissionWords.test(message) || malformedApply.test(message)) return "admission-denied";
  if (status === 404 && /^namespaces? /.test(message)) return "namespace-missing";
  if (status === 401 || status === 403) return "forbidden";
  if (mayPass(error)) return "cluster-unavailable";
  return status === 400 || status === 422 ? "admission-denied" : "internal";
};

/** The failure of a run that ended because of a failed request. */
export const toRunFailure = (error: ClusterError): KgentsError =>
  new KgentsError(kindOf(error), `${error.what}: ${error.message}`, { cause: error });
