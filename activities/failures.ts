import { ApplicationFailure, CancelledFailure } from "@temporalio/common";
import { KgentsError } from "../core/error.ts";
import { type FailureDetails, failureKinds } from "../core/failure.ts";

/** Turns an error of ours into the typed failure that Temporal carries, with the retry rule of its kind. */
function toApplicationFailure(error: KgentsError): ApplicationFailure {
  const details: FailureDetails = {
    kind: error.code,
    remedy: error.remedy,
    ...(error.field === undefined ? {} : { field: error.field }),
  };
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    nonRetryable: !failureKinds[error.code].retryable,
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
      if (error instanceof ApplicationFailure || error instanceof CancelledFailure) throw error;
      // A defect, or the machine's trouble (a full disk): worth another attempt, and named as what it is.
      throw ApplicationFailure.create({
        type: "internal",
        message: error instanceof Error ? error.message : String(error),
        nonRetryable: false,
        ...(error instanceof Error ? { cause: error } : {}),
      });
    }
  };
