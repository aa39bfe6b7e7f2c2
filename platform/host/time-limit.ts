import { KgentsError } from "#core/contract/error";
import type { FailureKind } from "#core/contract/failure";
import { formatDuration } from "#core/text/duration";

/** A timeout that is reported as a failure of a kind. */
export interface TimeLimit<Value> {
  readonly kind: FailureKind;
  /** What takes the time, as the subject of the message. */
  readonly what: string;
  /** Called with a result that arrives after the timeout, so that it can be released. */
  readonly onLate?: (value: Value) => void;
}

/** Rejects with an error if work takes longer than the limit. A rejection after the timeout is dropped. */
function limited<Value>(
  work: Promise<Value>,
  milliseconds: number,
  late: () => Error,
  onLate?: (value: Value) => void,
): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    reject(late());
  }, milliseconds);
  work.then(
    (value) => {
      clearTimeout(timer);
      if (isLate) onLate?.(value);
      else resolve(value);
    },
    (error) => {
      clearTimeout(timer);
      reject(error);
    },
  );
  return promise;
}

/** Rejects if work takes longer than the limit. A later result is dropped. */
export const within = <Value>(work: Promise<Value>, milliseconds: number): Promise<Value> =>
  limited(work, milliseconds, () => new Error(`it took longer than ${formatDuration(milliseconds)}`));

/**
 * Waits for work with a timeout.
 *
 * @throws KgentsError of that kind on timeout, and whatever the work throws
 */
export const inTime = <Value>(
  work: Promise<Value>,
  milliseconds: number,
  { kind, what, onLate }: TimeLimit<Value>,
): Promise<Value> =>
  limited(
    work,
    milliseconds,
    () => new KgentsError(kind, `${what} took longer than ${formatDuration(milliseconds)}`),
    onLate,
  );
