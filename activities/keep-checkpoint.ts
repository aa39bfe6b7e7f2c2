import { inTime } from "#platform/host/time-limit";
import type { ArtifactStore } from "#platform/store/artifact-store";
import type { HeldRun } from "#platform/store/live-runs";
import { keyOf } from "#platform/store/references";
import type { ActivityDependencies } from "./dependencies.ts";
import { storeMilliseconds } from "./in-time.ts";
import { currentRun, type Run } from "./plan.ts";
import type { ForgetInput } from "./session-contract.ts";

const holdFor = (store: ArtifactStore, { key }: Run, used: readonly string[]): Promise<HeldRun> =>
  inTime(store.hold(key, used), storeMilliseconds, {
    kind: "artifact-unavailable",
    what: "noting in the artifact store that a checkpoint is needed",
    onLate: (held) => held.leave(),
  });

/**
 * Keeps a checkpoint in the store until its session ends, instead of the one before: it is neither removed to make room,
 * nor expires.
 *
 * @param ends when the session ends, in milliseconds since the epoch
 * @throws KgentsError `artifact-unavailable`
 */
export async function keepCheckpoint(store: ArtifactStore, run: Run, reference: string, ends: number): Promise<void> {
  const held = await holdFor(store, run, [keyOf(reference)]);
  await held.until(ends);
}

/** The latest checkpoint of a session that has ended is no longer kept. */
export const forgetCheckpoint =
  ({ store }: Pick<ActivityDependencies, "store">) =>
  async ({ firstRunId }: ForgetInput): Promise<void> => {
    const held = await holdFor(store, currentRun(firstRunId), []);
    await held.release();
  };
