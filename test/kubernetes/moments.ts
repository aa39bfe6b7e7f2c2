/** Moments in a run, as they can be seen from outside. */
import { stat } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import type { ExecutionHandle } from "../../client/execution-handle.ts";
import { cellLabel } from "../../core/cluster-names.ts";
import { cluster } from "./support.ts";
import type { WorkerScene } from "./worker-scene.ts";

/** PENDING_ACTIVITY_STATE_STARTED of Temporal's API. */
const startedState = 2;

/** Waits for something. @throws after half a minute, naming it */
export async function until(what: string, holds: () => Promise<boolean>, pause = 50): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await holds()); await wait(pause))
    if (Date.now() > deadline) throw new Error(`did not come: ${what}`);
}

/** How often the activities of a type have been started, finished ones not counted, in attempts. */
async function startedAttempts({ client }: WorkerScene, { id }: ExecutionHandle, type: string): Promise<number> {
  const { raw } = await client.workflow.getHandle(id).describe();
  const running = raw.pendingActivities?.find(
    ({ activityType, state }) => activityType?.name === type && state === startedState,
  );
  return running?.attempt ?? 0;
}

/** A worker has taken the activity of a type, and not ended it. */
export const activityStarted = (scene: WorkerScene, handle: ExecutionHandle, type: string): Promise<void> =>
  until(`${type} under way`, async () => (await startedAttempts(scene, handle, type)) > 0);

/** Where a run's output has so many bytes, on each stream. */
export const hasOutput = (scene: WorkerScene, handle: ExecutionHandle, bytes: number): Promise<void> =>
  until(`${bytes} bytes of output`, async () => {
    const sizes = await Promise.all(["1.stdout", "1.stderr"].map((name) => sizeOf(scene.stored(handle, name))));
    return sizes.every((size) => size >= bytes);
  });

/** The bytes of a file; -1 where there is none. */
export const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => -1,
  );

/** Refuses everything of a kind in the namespace from now on, until what is returned is called. */
export async function refuseAll(
  { namespace }: WorkerScene,
  kind: "count/jobs.batch" | "pods",
): Promise<() => Promise<unknown>> {
  const name = "nothing";
  await namespace.apply({
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name },
    spec: { hard: { [kind]: "0" } },
  });
  // Before its controller has seen it, it refuses with other words.
  await namespace.kubectl("wait", `resourcequota/${name}`, "--for=jsonpath={.status.hard}", "--timeout=20s");
  return () => namespace.kubectl("delete", "resourcequota", name);
}

/** The names of the Jobs of a scene. */
export const jobs = async ({ namespace }: WorkerScene): Promise<string[]> =>
  (await namespace.kubectl("get", "jobs", "-l", cellLabel, "-o", "name")).split("\n").filter((line) => line !== "");

/** Runs a shell command in the only cell of a scene. Returns its exit code; null where there is none. */
export async function inCell({ namespace }: WorkerScene, command: string): Promise<number | null> {
  const pod = (await namespace.kubectl("get", "pods", "-l", cellLabel, "-o", "name")).trim();
  if (pod === "") return null;
  return (await cluster.kubectl(["-n", namespace.name, "exec", pod, "--", "sh", "-c", command])).code;
}
