import { Context } from "@temporalio/activity";
import { inTime } from "#platform/host/time-limit";
import type { ArtifactStore } from "#platform/store/artifact-store";
import type { HeldRun } from "#platform/store/live-runs";
import { type StoredContent, storedContent } from "#platform/store/open-content";

/**
 * The time limit of the store for making room or marking a run as live. Both touch a few small files or
 * objects.
 */
export const storeMilliseconds = 60_000;

/** Marks a run, and the content that it uses, as live in the store. */
export const holdInTime = (store: ArtifactStore, key: string, content: StoredContent): Promise<HeldRun> =>
  inTime(store.hold(key, storedContent(content)), storeMilliseconds, {
    kind: "artifact-unavailable",
    what: "noting in the artifact store that the run goes on",
    onLate: (held) => held.leave(),
  });

/** The time between two heartbeats of an activity that prepares something, in milliseconds. */
const beatMilliseconds = 2000;

/**
 * Heartbeats until disposed: what is prepared may take longer than the heartbeat timeout, and a cancellation is delivered
 * only in the response to a heartbeat.
 *
 * @param details of each heartbeat
 */
export function beating(details: () => unknown): Disposable {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(details()), beatMilliseconds);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
