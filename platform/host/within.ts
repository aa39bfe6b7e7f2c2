import { formatDuration } from "#core/text/duration";

/** Rejects if work takes longer than the limit. A later result is dropped. */
export async function within<Value>(work: Promise<Value>, milliseconds: number): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const error = new Error(`it took longer than ${formatDuration(milliseconds)}`);
  const timer = setTimeout(() => late.reject(error), milliseconds);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
