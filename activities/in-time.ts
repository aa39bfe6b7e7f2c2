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
