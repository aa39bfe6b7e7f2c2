/** Moments in a run that can be observed from outside. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Client } from "@temporalio/client";
import { cellIdOf } from "#activities/plan";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import type { ExecutionHandle } from "#client/sdk/execution-handle";
import { cellLabel } from "#core/manifest/cluster-names";
import type { DirectoryStore } from "#platform/store/directory-store";
import { runKey } from "#platform/store/references";
import { clientPod, hardenedJob, resourceQuota } from "./manifests.ts";
import { type CellNamespace, cluster, jobType } from "./support.ts";

/** What is needed to observe runs. */
export interface Reach {
  readonly namespace: CellNamespace;
  readonly client: Client;
  readonly store: DirectoryStore;
}

/** PENDING_ACTIVITY_STATE_STARTED of Temporal's API. */
const startedState = 2;

/** Waits for a condition. @throws after two and a half minutes, or the given time, naming it */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  pause = 50,
  patience = 150_000,
): Promise<void> {
  for (const deadline = Date.now() + patience; !(await holds()); await wait(pause))
    if (Date.now() > deadline) throw new Error(`did not come: ${what}`);
}

/** The number of started attempts of a type's activities, without finished activities. */
async function startedAttempts({ client }: Reach, { id }: ExecutionHandle, type: string): Promise<number> {
  const { raw } = await client.workflow.getHandle(id).describe();
  const running = raw.pendingActivities?.find(
    ({ activityType, state }) => activityType?.name === type && state === startedState,
  );
  return running?.attempt ?? 0;
}

/** Waits until a worker has started the activity of a type, and not ended it. */
export const activityStarted = (scene: Reach, handle: ExecutionHandle, type: string): Promise<void> =>
  until(`${type} under way`, async () => (await startedAttempts(scene, handle, type)) > 0);

/** Waits until a run waits for a place and is next on its worker. */
export const isNext = (handle: ExecutionHandle): Promise<void> =>
  until("the wait", async () => (await handle.describe()).waiting?.ahead === 0);

/** The starts of a run's `execute` in the history: for each, its last attempt, once it has ended. */
async function executesOf({ client }: Reach, { id }: ExecutionHandle) {
  const { events } = await client.workflow.getHandle(id).fetchHistory();
  const executes = (events ?? [])
    .filter(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === "execute")
    .map(({ eventId }) => String(eventId));
  return (events ?? [])
    .flatMap(({ activityTaskStartedEventAttributes: started }) => started ?? [])
    .filter(({ scheduledEventId }) => executes.includes(String(scheduledEventId)));
}

/** The process id of the worker that completed a run's `execute`. */
export const executedBy = async (reach: Reach, handle: ExecutionHandle): Promise<number> =>
  Number((await executesOf(reach, handle)).at(-1)?.identity?.split("/").at(-1));

/** How often a run's `execute` was started, by the workflow or by the server. */
export const executeStarts = async (reach: Reach, handle: ExecutionHandle): Promise<number> =>
  (await executesOf(reach, handle)).reduce((sum, { attempt }) => sum + (attempt ?? 0), 0);

/** The process id of the worker that currently runs `execute`. */
export async function executedNowBy({ client }: Reach, { id }: ExecutionHandle): Promise<number> {
  const { raw } = await client.workflow.getHandle(id).describe();
  const pending = raw.pendingActivities?.find(({ activityType }) => activityType?.name === "execute");
  return Number(pending?.lastWorkerIdentity?.split("/").at(-1));
}

/** Waits until a run's output has the given number of bytes on each stream. */
export const hasOutput = (scene: Reach, handle: ExecutionHandle, bytes: number): Promise<void> =>
  until(`${bytes} bytes of output`, async () => {
    const sizes = await Promise.all(["1.stdout", "1.stderr"].map((name) => sizeOf(stored(scene, handle, name))));
    return sizes.every((size) => size >= bytes);
  });

/** The name of a run's cell. */
export const cellOf = ({ id, runId }: ExecutionHandle): string =>
  cellIdOf({ workflowId: id, runId, key: runKey(id, runId) }, 1);

/** The number of Jobs and pods of one run. */
export async function leftOf({ objects }: CellNamespace, handle: ExecutionHandle): Promise<number> {
  const labelSelector = `${cellLabel}=${cellOf(handle)}`;
  const found = [jobType, resourceTypes.Pod].map((type) => objects.list(type, { labelSelector }));
  return (await Promise.all(found)).flat().length;
}

/** The path of a run's artifact in the store. */
export const stored = ({ store }: Pick<Reach, "store">, { id, runId }: ExecutionHandle, name: string): string =>
  join(store.directory, "runs", runKey(id, runId), name);

/** The size of a file in bytes; -1 if it does not exist. */
export const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => -1,
  );

/** An object that counts towards a quota but never runs anything. */
function filler(kind: Filled) {
  const job = hardenedJob("filler", "busybox:1.37", ["true"]);
  if (kind === "count/jobs.batch") return { ...job, spec: { ...job.spec, suspend: true } };
  const pod = clientPod("filler");
  const containers = pod.spec.containers.map((container) => ({
    ...container,
    resources: { ...container.resources, requests: { ...container.resources.requests, [storage]: full[storage] } },
  }));
  return { ...pod, spec: { ...pod.spec, containers, nodeSelector: { "kgents-test": "nowhere" } } };
}

const storage = "ephemeral-storage";
/** The whole quota, so that one filler exhausts it. Its storage is what a cell requests. */
const full = { "count/jobs.batch": "1", pods: "1", [storage]: "64Mi" } as const;
type Filled = keyof typeof full;

interface CountingQuota extends KubernetesJson {
  readonly status?: { readonly used?: Readonly<Record<string, string>> };
}

/**
 * Exhausts a quota of the namespace, so that it has no room for a Job, a pod or a cell's storage until the returned
 * function is called.
 *
 * @param options.hidden whether the quota has a scope: workers do not read such a quota, and only see that pods are not
 *   created
 */
export async function refuseAll(
  { namespace }: Pick<Reach, "namespace">,
  kind: Filled,
  options: { readonly hidden?: boolean } = {},
): Promise<() => Promise<unknown>> {
  await namespace.apply(filler(kind));
  await namespace.apply(resourceQuota({ [kind]: full[kind] }, options.hidden ? ["NotBestEffort"] : []));
  // Until its controller has counted it, a quota admits everything, or rejects it with another message.
  await until("the quota's count", async () => {
    const quota = await namespace.objects.get<CountingQuota>(resourceTypes.ResourceQuota, { name: "test" });
    return /[1-9]/.test(quota?.status?.used?.[kind] ?? "");
  });
  return () => namespace.kubectl("delete", "resourcequota", "test");
}

/** The names of a scene's Jobs. */
export const jobs = async ({ namespace }: Pick<Reach, "namespace">): Promise<string[]> =>
  (await namespace.objects.list(jobType, { labelSelector: cellLabel })).map(
    ({ metadata }) => `job.batch/${metadata?.name}`,
  );

/** Runs a shell command in a scene's only cell. Returns its exit code; null without a cell. */
export async function inCell({ namespace }: Reach, command: string): Promise<number | null> {
  const pod = (await namespace.kubectl("get", "pods", "-l", cellLabel, "-o", "name")).trim();
  if (pod === "") return null;
  return (await cluster.kubectl(["-n", namespace.name, "exec", pod, "--", "sh", "-c", command])).code;
}
