import { ApplicationFailure, CancelledFailure } from "@temporalio/common";
import { KgentsError } from "#core/contract/error";
import { type FailureDetails, type FailureKind, isWrongUsage } from "#core/contract/failure";
import { messageOf } from "#core/text/message-of";
import { isDiskFull } from "#platform/host/disk-space";
import { systemCodeOf } from "#platform/host/error-code";

/**
 * Converts a KgentsError to a typed ApplicationFailure. Only wrong usage is non-retryable here. Each phase lists
 * further non-retryable kinds (workflows/phases.ts): an unavailable cluster ends provisioning, but not a removal.
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
        message: messageOf(error),
        nonRetryable: false,
        ...(error instanceof Error ? { cause: error } : {}),
      });
    }
  };
