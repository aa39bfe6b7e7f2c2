/**
 * Proves that the cluster enforces the namespace's policies: targets that are reachable where a policy allows it must
 * be unreachable where none does. A cluster whose network ignores policies still accepts them without an error.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import type { V1Pod } from "@kubernetes/client-node";
import type { Language } from "#core/contract/language";
import type { CanaryTarget, NetworkIsolation } from "#core/manifest/cluster-names";
import type { PodTemplate } from "#core/manifest/pod-template-fields";
import type { ClusterClient } from "../api/cluster-client.ts";
import { ClusterError } from "../api/cluster-error.ts";
import { removeCanaries } from "./canary-leftovers.ts";
import {
  canaryMilliseconds,
  canaryPod,
  canaryPolicies,
  dnsTarget,
  metadataTarget,
  nodeTarget,
  reachedMark,
  stillReached,
  type Target,
  targetPort,
} from "./canary-objects.ts";
import { exitCodeOf, hasEnded, isLeaving, isReady, messageOf, whyNotStarted } from "./canary-pod-state.ts";
import { CanaryObstacle, type CanaryPods, watchCanary } from "./canary-watch.ts";
import { objectsFor } from "./infra-cluster.ts";
import type { Manifest } from "./manifests.ts";

/** The verdict of the canary. */
export interface CanaryVerdict {
  readonly isolation: NetworkIsolation;
  /** Why it is not `enforced`, in a sentence; null if it is. */
  readonly reason: string | null;
  /** The targets that the closed pod was denied while the open one reached them; empty if it is not `enforced`. */
  readonly tried: readonly CanaryTarget[];
}

/** What the pods of the canary are made from. */
export interface CanarySettings {
  /** The language whose image they use: one with busybox' `nc` and `httpd`. */
  readonly language: Language;
  /** The template of cells. */
  readonly template?: PodTemplate | undefined;
}

const verdict = (
  isolation: NetworkIsolation,
  reason: string | null = null,
  tried: readonly CanaryTarget[] = [],
): CanaryVerdict => ({ isolation, reason, tried });

/** The verdict from the closed pod's exit; undefined while it runs, or the open pod misses a target. */
function verdictOf({ open, closed }: CanaryPods, tried: readonly CanaryTarget[]): CanaryVerdict | undefined {
  if (!hasEnded(closed)) return undefined;
  const exitCode = exitCodeOf(closed);
  if (exitCode === stillReached) return verdict("not-enforced", messageOf(closed));
  if (exitCode !== 0) throw new CanaryObstacle(messageOf(closed));
  // A denial only proves something while the open pod can reach the same target.
  if (isReady(open)) return verdict("enforced", null, tried);
  if (isLeaving(open) || hasEnded(open)) {
    throw new CanaryObstacle(messageOf(open) || "the pod with an open network ended too early");
  }
  return undefined;
}

async function lookFor(
  client: ClusterClient,
  id: string,
  { language, template }: CanarySettings,
  signal: AbortSignal,
): Promise<CanaryVerdict> {
  const { namespace } = client;
  const place = { id, namespace, template };
  const { until, latest } = watchCanary(client, id, signal);
  const create = async (object: Manifest): Promise<void> => {
    signal.throwIfAborted();
    await createObject(client, object);
  };
  try {
    const api = await apiServer(client);
    for (const policy of canaryPolicies(id, namespace)) await create(policy);
    await create(canaryPod(place, "target", language, []));
    const target = await until(({ target: pod }) => (isReady(pod) && pod?.status?.podIP ? pod : undefined));
    const targets = [api, ...podTargets(target), nodeTarget, dnsTarget, metadataTarget];
    await create(canaryPod(place, "open", language, targets));
    const node = await until(({ open }) => {
      if (hasEnded(open)) throw new CanaryObstacle(messageOf(open));
      return isReady(open) ? open?.spec?.nodeName : undefined;
    });
    const names = await reachedBy(client, latest().open);
    const reached = targets.filter(({ name, isRequired }) => isRequired || names.includes(name));
    await create(canaryPod({ ...place, node }, "closed", language, reached));
    const tried = reached.map(({ name }) => name);
    return await until((pods) => verdictOf(pods, tried));
  } catch (error) {
    if (error instanceof CanaryObstacle) return verdict("unknown", error.message);
    if (error instanceof ClusterError) return verdict("unknown", `${error.what}: ${error.message}`);
    if (signal.reason instanceof DOMException && signal.reason.name === "TimeoutError") {
      return verdict("unknown", `${whyNotStarted(Object.values(latest()))} within ${canaryMilliseconds / 1000} s`);
    }
    throw error;
  }
}

/** Cannot be interrupted: an object of a pending request would be created after the clean-up. */
async function createObject(client: ClusterClient, object: Manifest): Promise<void> {
  try {
    await client.request(`creating ${object.metadata.name}`, (_, call) =>
      objectsFor(client, call, object).create(object),
    );
  } catch (error) {
    // An earlier attempt succeeded but its response was lost. The name belongs to this canary.
    if (!(error instanceof ClusterError && error.reason === "AlreadyExists")) throw error;
  }
}

/** The address of the API server inside the cluster, which a cell must never reach. */
async function apiServer(client: ClusterClient): Promise<Target> {
  const { spec } = await client.request("reading the API server's service", ({ core }, call) =>
    core.readNamespacedService({ name: "kubernetes", namespace: "default" }, call),
  );
  const host = spec?.clusterIP;
  if (!host || host === "None") throw new CanaryObstacle("the service of the API server has no address");
  return { name: "api-server", host, port: spec?.ports?.[0]?.port ?? 443, isRequired: true };
}

/** The target pod, by each of its addresses. */
function podTargets({ status }: V1Pod): readonly Target[] {
  const addresses = (status?.podIPs ?? []).flatMap(({ ip }) => ip ?? []);
  const other = addresses.find((address) => address.includes(":"));
  const own = status?.podIP ?? "";
  return [
    { name: "pod", host: own, port: targetPort, isRequired: true },
    ...(other === undefined || other === own
      ? []
      : [{ name: "pod-ipv6", host: other, port: targetPort, isRequired: false } as const]),
  ];
}

/** The targets that the open pod reached, from its log. */
async function reachedBy(client: ClusterClient, open: V1Pod | undefined): Promise<readonly string[]> {
  const name = open?.metadata?.name ?? "";
  const log = await client.request("reading what the canary reached", ({ core }, call) =>
    core.readNamespacedPodLog({ name, namespace: client.namespace, limitBytes: 4096 }, call),
  );
  const line = log.split("\n").find((each) => each.startsWith(reachedMark)) ?? "";
  return line.slice(reachedMark.length).trim().split(" ");
}

/**
 * Runs the canary, and always removes everything that it created.
 *
 * @throws the reason of `interrupted`, when that ends it
 */
export async function runCanary(
  client: ClusterClient,
  settings: CanarySettings,
  interrupted: AbortSignal,
): Promise<CanaryVerdict> {
  const id = randomBytes(4).toString("hex");
  await removeCanaries(client, { abandonedBefore: new Date(Date.now() - 2 * canaryMilliseconds) });
  try {
    const signal = AbortSignal.any([interrupted, AbortSignal.timeout(canaryMilliseconds)]);
    return await lookFor(client, id, settings, signal);
  } finally {
    await removeCanaries(client, { id });
  }
}
