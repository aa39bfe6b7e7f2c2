import { KgentsError } from "#core/contract/error";
import type { FailureKind } from "#core/contract/failure";
import type { ExecutionSpec } from "#core/contract/request";
import { formatDuration } from "#core/text/duration";
import type { ArtifactStore } from "#platform/store/artifact-store";
import type { HeldRun } from "#platform/store/live-runs";
import { storedContent } from "#platform/store/open-content";

/**
 * The time limit of the store for making room or marking a run as live. Both touch a few small files or
 * objects.
 */
export const storeMilliseconds = 60_000;

/**
 * Waits for work with a timeout.
 *
 * @param work a rejection after the timeout is dropped
 * @param onLate called with a result that arrives after the timeout, so that it can be released
 * @throws KgentsError of that kind on timeout, and whatever the work throws
 */
export function inTime<Value>(
  work: Promise<Value>,
  milliseconds: number,
  { kind, what, onLate }: { kind: FailureKind; what: string; onLate?: (value: Value) => void },
): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    reject(new KgentsError(kind, `${what} took longer than ${formatDuration(milliseconds)}`));
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

/** Marks a run, and the content that it uses, as live in the store. */
export const holdInTime = (store: ArtifactStore, key: string, spec: ExecutionSpec): Promise<HeldRun> =>
  inTime(store.hold(key, storedContent(spec)), storeMilliseconds, {
    kind: "artifact-unavailable",
    what: "noting in the artifact store that the run goes on",
    onLate: (held) => held.leave(),
  });
