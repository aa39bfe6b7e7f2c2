import { ApplicationFailure, CancelledFailure } from "@temporalio/common";
import { KgentsError } from "#core/contract/error";
import { type FailureDetails, type FailureKind, isWrongUsage } from "#core/contract/failure";
import { messageOf } from "#core/text/message-of";
import { isDiskFull } from "#platform/host/disk-space";
import { systemCodeOf } from "#platform/host/error-code";

/**
 * Turns an error of ours into the typed failure that Temporal carries. Final is only what no retry can change; whether another kind
 * ends a phase is for the phase to say (workflows/phases.ts): a cluster that is away ends provisioning, and not a removal.
 */
function toApplicationFailure(error: KgentsError): ApplicationFailure {
  const details: FailureDetails = {
    kind: error.code,
    remedy: error.remedy,
    ...(error.field === undefined ? {} : { field: error.field }),
  };
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    nonRetryable: isWrongUsage(error.code),
    details: [details],
    ...(error.cause instanceof Error ? { cause: error.cause } : {}),
  });
}

/** Wraps an activity so that its errors cross Temporal as typed failures. */
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
      // The machine's trouble (too many open files), or a defect: worth another attempt, and named as what it is.
      const kind: FailureKind = systemCodeOf(error) === undefined ? "internal" : "system-error";
      throw ApplicationFailure.create({
        type: kind,
        message: messageOf(error),
        nonRetryable: false,
        ...(error instanceof Error ? { cause: error } : {}),
      });
    }
  };
