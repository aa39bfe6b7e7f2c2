import { setTimeout as sleep } from "node:timers/promises";
import type { ExecutionHandle } from "../sdk/execution-handle.ts";

/** Waits that nobody may be waiting for any more: one a run, however often a model asks. */
const waits = new Map<string, Promise<void>>();

function endOf(handle: ExecutionHandle): Promise<void> {
  const known = waits.get(handle.runId);
  if (known) return known;
  // However it ends: the caller asks what became of it.
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

/** Waits until a run is over, so many seconds at most. */
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
