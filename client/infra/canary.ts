/**
 * Proves that the cluster enforces the namespace's policies: what can be reached where a policy allows it must be out of
 * reach where none does. A cluster whose network ignores policies takes them without a word.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import type { V1Pod } from "@kubernetes/client-node";
import type { ClusterClient } from "../../activities/backends/kubernetes/cluster-client.ts";
import { ClusterError } from "../../activities/backends/kubernetes/cluster-error.ts";
import { canaryLabel, canaryRoleLabel, type NetworkIsolation } from "../../core/cluster-names.ts";
import type { Language } from "../../core/language.ts";
import { removeCanaries } from "./canary-leftovers.ts";
import {
  type CanaryRole,
  canaryMilliseconds,
  canaryPod,
  canaryPolicies,
  stillReached,
  type Target,
  targetPort,
} from "./canary-objects.ts";
import { isReady, messageOf, obstacleOf, whyNotStarted } from "./canary-pod-state.ts";
import { objectsFor } from "./infra-cluster.ts";
import type { Manifest } from "./manifests.ts";
import { waitFor } from "./watch-objects.ts";

/** What the canary found. */
export interface CanaryVerdict {
  readonly isolation: NetworkIsolation;
  /** Why it is not `enforced`, in a sentence; null where it is. */
  readonly reason: string | null;
}

type Pods = Readonly<Partial<Record<CanaryRole, V1Pod>>>;

/** Something kept the canary from finding out. */
class Obstacle extends Error {}

const verdict = (isolation: NetworkIsolation, reason: string | null = null): CanaryVerdict => ({ isolation, reason });

/** What the closed pod's end says; undefined while it runs. */
function verdictOf({ open, closed }: Pods): CanaryVerdict | undefined {
  const ended = closed?.status?.containerStatuses?.[0]?.state?.terminated;
  if (!ended) return undefined;
  if (ended.exitCode === stillReached) return verdict("not-enforced", messageOf(closed));
  if (ended.exitCode !== 0) throw new Obstacle(messageOf(closed));
  // A denial says something only while the same could be reached from next door.
  if (!isReady(open)) throw new Obstacle(messageOf(open) || "the pod with an open network ended too early");
  return verdict("enforced");
}

async function lookFor(client: ClusterClient, id: string, language: Language, signal: AbortSignal) {
  const { namespace } = client;
  const create = (object: Manifest) =>
    client.request(`creating ${object.metadata.name}`, (_, call) => objectsFor(client, call).create(object), {
      signal,
    });
  let latest: Pods = {};
  const until = <Found>(find: (pods: Pods) => Found | undefined): Promise<Found> => {
    const labelSelector = `${canaryLabel}=${id}`;
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const list = (
      { core }: Parameters<Parameters<typeof client.request>[1]>[0],
      call: Parameters<Parameters<typeof client.request>[1]>[1],
    ) => core.listNamespacedPod({ namespace, labelSelector }, call);
    return waitFor<V1Pod, Found>(client, { path, selector: { labelSelector }, list, signal }, (objects) => {
      latest = Object.fromEntries([...objects.values()].map((pod) => [pod.metadata?.labels?.[canaryRoleLabel], pod]));
      const obstacle = Object.values(latest)
        .map(obstacleOf)
        .find((each) => each !== undefined);
      if (obstacle !== undefined) throw new Obstacle(obstacle);
      return find(latest);
    });
  };
  try {
    const api = await apiServer(client, signal);
    for (const policy of canaryPolicies(id, namespace)) await create(policy);
    await create(canaryPod({ id, namespace }, "target", language, []));
    const host = await until(({ target }) => (isReady(target) ? target?.status?.podIP : undefined));
    const targets: readonly Target[] = [api, { host, port: targetPort }];
    await create(canaryPod({ id, namespace }, "open", language, targets));
    const node = await until(({ open }) => {
      if (open?.status?.containerStatuses?.[0]?.state?.terminated) throw new Obstacle(messageOf(open));
      return isReady(open) ? open?.spec?.nodeName : undefined;
    });
    await create(canaryPod({ id, namespace, node }, "closed", language, targets));
    return await until(verdictOf);
  } catch (error) {
    if (error instanceof Obstacle) return verdict("unknown", error.message);
    if (error instanceof ClusterError) return verdict("unknown", `${error.what}: ${error.message}`);
    if (signal.reason instanceof DOMException && signal.reason.name === "TimeoutError") {
      return verdict("unknown", `${whyNotStarted(Object.values(latest))} within ${canaryMilliseconds / 1000} s`);
    }
    throw error;
  }
}

/** The API server as pods see it: what a cell must never reach. */
async function apiServer(client: ClusterClient, signal: AbortSignal): Promise<Target> {
  const { spec } = await client.request(
    "reading the API server's service",
    ({ core }, call) => core.readNamespacedService({ name: "kubernetes", namespace: "default" }, call),
    { signal },
  );
  const host = spec?.clusterIP;
  if (!host || host === "None") throw new Obstacle("the service of the API server has no address");
  return { host, port: spec?.ports?.[0]?.port ?? 443 };
}

/**
 * Runs the canary. Whatever happens, it takes everything away that it made.
 *
 * @param language whose image the pods use: one with busybox' `nc` and `httpd`
 * @throws the signal's reason, when that ends it
 */
export async function runCanary(
  client: ClusterClient,
  language: Language,
  interrupted: AbortSignal,
): Promise<CanaryVerdict> {
  const id = randomBytes(4).toString("hex");
  await removeCanaries(client, { abandonedBefore: new Date(Date.now() - 2 * canaryMilliseconds) });
  try {
    const signal = AbortSignal.any([interrupted, AbortSignal.timeout(canaryMilliseconds)]);
    return await lookFor(client, id, language, signal);
  } finally {
    await removeCanaries(client, { id });
  }
}
