import { setTimeout as sleep } from "node:timers/promises";
import type { ExecutionHandle } from "../sdk/execution-handle.ts";

/** Pending waits by run, so repeated calls for one run share a single wait. A wait may outlive its callers. */
const waits = new Map<string, Promise<void>>();

function endOf(handle: ExecutionHandle): Promise<void> {
  const known = waits.get(handle.runId);
  if (known) return known;
  // Ignore how it ends: the caller reads the outcome itself.
  const wait = handle
    .result()
    .then(
      () => {},
      () => {},
    )
    .finally(() => waits.delete(handle.runId));
  waits.set(handle.runId, wait);
  return wait;
}

/** Waits until a run is over, at most the given number of seconds. */
export async function waitForEnd(handle: ExecutionHandle, seconds: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const time = sleep(seconds * 1000, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => {});
  try {
    await Promise.race([endOf(handle), time]);
  } finally {
    over.abort();
  }
  signal.throwIfAborted();
}
