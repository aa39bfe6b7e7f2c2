import type { ResultLimits } from "#core/contract/batch";
import type { ExecutionResult } from "#core/contract/result";
import type { Environment } from "#core/packages/environment";
import { utf8Length } from "#core/text/bytes";

/**
 * The longest lock that is part of a result, in bytes. The streams and files leave that much room; the whole lock is in
 * the history.
 */
const maximumLockBytes = 32 * 1024;

/** The packages as the result says them. A batch copies its results into its history, where many locks have no room. */
export const reported = (
  { lock, ...environment }: Environment,
  limits?: ResultLimits,
): ExecutionResult["environment"] =>
  limits || utf8Length(lock) > maximumLockBytes ? environment : { ...environment, lock };
