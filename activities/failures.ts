import { ApplicationFailure, CancelledFailure, TemporalFailure } from "@temporalio/common";
import { KgentsError } from "#core/contract/error";
import { type FailureDetails, type FailureKind, isWrongUsage } from "#core/contract/failure";
import { messageOf } from "#core/text/message-of";
import { shorten } from "#core/text/shorten";
import { isDiskFull } from "#platform/host/disk-space";
import { systemCodeOf } from "#platform/host/error-code";

/** The longest text of a failure, in characters: failures are part of the history. */
const maximumTextLength = 8192;
/** The most causes of a failure that are kept, each the cause of the one before. */
const maximumCauses = 8;

const short = (text: string): string => shorten(text, maximumTextLength);

/** The cause of a failure with short texts. Undefined if it is no error, or the cause of too many others. */
function shortCause(cause: unknown, left = maximumCauses): Error | undefined {
  if (!(cause instanceof Error) || left === 0) return undefined;
  if (cause instanceof TemporalFailure) return cause;
  const copy = new Error(short(cause.message), { cause: shortCause(cause.cause, left - 1) });
  copy.name = short(cause.name);
  copy.stack = short(cause.stack ?? "");
  return copy;
}

/** The options of a failure that has a cause. */
function causedBy(cause: unknown): { readonly cause?: Error } {
  const error = shortCause(cause);
  return error ? { cause: error } : {};
}

/**
 * Converts a KgentsError to a typed ApplicationFailure. Only wrong usage is non-retryable here. Each phase lists
 * further non-retryable kinds (workflows/phases.ts): an unavailable cluster ends provisioning, but not a removal.
 */
function toApplicationFailure(error: KgentsError): ApplicationFailure {
  const details: FailureDetails = {
    kind: error.code,
    remedy: short(error.remedy),
    ...(error.field === undefined ? {} : { field: short(error.field) }),
  };
  return ApplicationFailure.create({
    type: error.code,
    message: short(error.message),
    nonRetryable: isWrongUsage(error.code),
    details: [details],
    ...causedBy(error.cause),
  });
}

/** Wraps an activity so that its errors reach the workflow as typed failures. */
export const withTypedFailures =
  <Input, Output>(activity: (input: Input) => Promise<Output>) =>
  async (input: Input): Promise<Output> => {
    try {
      return await activity(input);
    } catch (error) {
      if (error instanceof KgentsError) throw toApplicationFailure(error);
      if (isDiskFull(error))
        throw toApplicationFailure(new KgentsError("disk-full", messageOf(error), { cause: error }));
      if (error instanceof ApplicationFailure || error instanceof CancelledFailure) throw error;
      // An error of the operating system (too many open files), or a defect in kgents. Both are retryable.
      const kind: FailureKind = systemCodeOf(error) === undefined ? "internal" : "system-error";
      throw ApplicationFailure.create({
        type: kind,
        message: short(messageOf(error)),
        nonRetryable: false,
        ...causedBy(error),
      });
    }
  };
