import { KgentsError } from "#core/contract/error";
import type { FailureKind } from "#core/contract/failure";
import type { ExecutionSpec } from "#core/contract/request";
import { formatDuration } from "#core/text/duration";
import type { ArtifactStore } from "#platform/store/artifact-store";
import type { HeldRun } from "#platform/store/live-runs";
import { storedContent } from "#platform/store/open-content";

/** How long the store may take to say whether there is room, or to note that a run goes on: both are a few small files or objects. */
export const storeMilliseconds = 60_000;

/**
 * Waits for what a phase of a run hangs on, but not for ever.
 *
 * @param work what is waited for; a failure of it that comes too late is dropped
 * @param onLate called with what comes too late: nobody else knows of it
 * @throws KgentsError of the kind where the time is over, and what the work throws
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

/** Has the store note that a run goes on, and what it uses. */
export const holdInTime = (store: ArtifactStore, key: string, spec: ExecutionSpec): Promise<HeldRun> =>
  inTime(store.hold(key, storedContent(spec)), storeMilliseconds, {
    kind: "artifact-unavailable",
    what: "noting in the artifact store that the run goes on",
    onLate: (held) => held.leave(),
  });
