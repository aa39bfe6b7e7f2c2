/**
 * The provider of cells that are hardened Jobs of a cluster.
 *
 * @module
 */
import type { V1Job } from "@kubernetes/client-node";
import type { NetworkAccess } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { defaultUserIds, type UserIds } from "#core/manifest/cell-user";
import { cellLabel, instanceLabel, runIdAnnotation, workflowIdAnnotation } from "#core/manifest/cluster-names";
import type { PodTemplate } from "#core/manifest/pod-template-fields";
import { once } from "#core/text/once";
import { createPlacement } from "../placement/placement.ts";
import { createSlots } from "../placement/slots.ts";
import { startRate } from "../placement/start-rate.ts";
import type { CellProvider, OwnedCell } from "../provider.ts";
import { usualLimits } from "../usual-limits.ts";
import { type ClusterSettings, createClusterClient } from "./api/cluster-client.ts";
import { ClusterError, toRunFailure } from "./api/cluster-error.ts";
import { type ClusterLook, clusterLooker } from "./api/cluster-status.ts";
import { listAll } from "./api/list-pages.ts";
import { isFinished, listPods, readJob } from "./api/observe.ts";
import type { ObservedPod } from "./api/observed-cell.ts";
import type { OwnCells } from "./api/own-cells.ts";
import { watchPods } from "./api/pod-watch.ts";
import { checkServerVersion } from "./api/server-version.ts";
import { cellContainer, classifyCell } from "./cell/classify-cell.ts";
import { deleteCell } from "./cell/delete-cell.ts";
import { type ClusterFacts, clusterIsolation } from "./cell/isolation.ts";
import { createJob } from "./cell/job.ts";
import { podsOfCell } from "./cell/pin.ts";
import { cellScripts } from "./exec/cell-scripts.ts";
import { runScript } from "./exec/exec-session.ts";
import { runProgram } from "./exec/run-program.ts";
import { quotaLimit } from "./quotas/quota-limit.ts";

/** Options of a Kubernetes provider. */
export interface KubernetesOptions extends ClusterSettings {
  /** The label value of this instance's cells: at most 63 letters, digits and `-`. */
  readonly instance: string;
  /** A container runtime class other than the node's default, such as `gvisor`. */
  readonly runtimeClassName?: string | undefined;
  /** What is added to the pod of each cell. @default nothing */
  readonly podTemplate?: PodTemplate | undefined;
  /** The range of user ids for its cells. @default {@link defaultUserIds} */
  readonly userIds?: UserIds;
  /**
   * `required`: code without network only runs if the cluster was proved to enforce network policies. @default
   * "required"
   */
  readonly networkIsolation?: "required" | "best-effort";
  /** How long a node may be unresponsive after the code's time limit, in milliseconds. @default 60000 */
  readonly nodePatienceMilliseconds?: number;
  /** How many cells a worker follows at once. @default 100 */
  readonly maximumCells?: number;
  /** How many cells all workers start in a second. @default there is no limit */
  readonly maximumStartsPerSecond?: number | undefined;
  readonly log: (line: string) => void;
}

const defaultNodePatience = 60_000;
/** The default of the configuration. */
const defaultMaximumCells = 100;
/** A bound above the number of cells that a worker has at once. */
const rememberedJobs = 2000;

function ownedCell(job: V1Job): OwnedCell {
  const { uid, labels = {}, annotations = {}, creationTimestamp } = job.metadata ?? {};
  return {
    uid,
    cellId: labels[cellLabel] ?? "",
    workflowId: annotations[workflowIdAnnotation] ?? "",
    runId: annotations[runIdAnnotation] ?? "",
    createdAt: new Date(creationTimestamp ?? 0),
    finished: isFinished(job),
  };
}

/**
 * Rejects a run that needs network isolation that the cluster does not provide, unless the worker's policy is
 * `best-effort`.
 */
function checkNetwork(look: ClusterLook, { to }: NetworkAccess, policy: KubernetesOptions["networkIsolation"]): void {
  if (to !== "nothing" || look.networkIsolation === "enforced" || policy === "best-effort") return;
  const why =
    look.networkIsolation === "not-enforced"
      ? "the cluster ignores NetworkPolicies"
      : "nobody has proved that the cluster enforces NetworkPolicies";
  throw new KgentsError("network-isolation-unavailable", `code without network cannot be isolated here: ${why}`, {
    remedy:
      "Run `kgents infra init` to prove it, use a network plugin that enforces policies, run with --backend subprocess, or set worker.kubernetes.networkIsolation to best-effort.",
  });
}

/** Rethrows errors of the cluster as failures of a run. */
const asFailure = (error: unknown): never => {
  throw error instanceof ClusterError ? toRunFailure(error) : error;
};

/** The operations on cells that need no state of this process. */
function clusterCells(connect: () => Promise<OwnCells>): Pick<CellProvider, "release" | "find" | "list"> {
  const release = async (cellId: string): Promise<void> => {
    const own = await connect();
    // Only running pods need the release script. An ended pod needs nothing, and an unreachable one ends after its
    // grace period.
    const runs = (pod: ObservedPod): boolean =>
      classifyCell({ job: null, pods: [pod], events: [] }, new Date()).state === "running";
    // The watch may lag behind: it is trusted if it shows a running pod, otherwise the server is asked.
    const known = podsOfCell(own.watch.podsOf(cellId), cellId).filter(runs);
    const pods = known.length > 0 ? known : podsOfCell(await listPods(own, cellId), cellId).filter(runs);
    for (const pod of pods) {
      const target = { pod: pod.metadata.name, container: cellContainer };
      const end = await runScript(own.client, target, cellScripts.release(), AbortSignal.timeout(10_000));
      if ("broken" in end) throw new KgentsError("cluster-unavailable", `the cell was not released: ${end.broken}`);
    }
  };
  return {
    release,
    find: async (cellId) => {
      const own = await connect();
      const job = await readJob(own, cellId);
      return job?.metadata?.labels?.[instanceLabel] === own.instance ? ownedCell(job) : null;
    },
    list: async () => {
      const { client, instance } = await connect();
      const selected = { namespace: client.namespace, labelSelector: `${instanceLabel}=${instance}` };
      const { items } = await listAll<V1Job>(client, "listing the Jobs", ({ batch }, page, options) =>
        batch.listNamespacedJob({ ...selected, ...page }, options),
      );
      return items.map(ownedCell);
    },
  };
}

/** Creates the provider of cells in a cluster. It connects on first use. */
export function createKubernetesProvider(options: KubernetesOptions): CellProvider {
  const { instance, namespace, runtimeClassName, podTemplate, userIds = defaultUserIds, log } = options;
  const { maximumCells = defaultMaximumCells } = options;
  const client = once(() => createClusterClient(options));
  // The watch starts with the first cell; a status check needs none.
  const connect = once(async (): Promise<OwnCells> => {
    const connected = await client();
    return { client: connected, instance, watch: watchPods(connected, `${instanceLabel}=${instance}`, log) };
  });
  const lookAt = clusterLooker(client);
  const look = async (patient?: boolean): Promise<ClusterLook> => {
    const seen = await lookAt(patient);
    checkServerVersion(seen.version);
    return seen;
  };
  const quotas = quotaLimit(connect, log, podTemplate);
  const placement = createPlacement("cluster", [
    startRate(options.maximumStartsPerSecond),
    // An unavailable cluster is reported before a full one.
    { read: async () => void (await look(true)), refusal: () => undefined },
    createSlots({
      setting: "worker.kubernetes.maximumCells",
      maximum: maximumCells,
      admitted: quotas.admitted,
    }),
    quotas,
  ]);
  const facts = ({ version, networkIsolation, networkTried }: ClusterLook): ClusterFacts => ({
    namespace,
    version,
    networkIsolation,
    networkTried,
    runtimeClassName,
    userIds,
  });
  // Uids of the Jobs that this process created, until it follows them. Saves a request to the server.
  const made = new Map<string, string>();
  const remember = (cellId: string, { metadata }: V1Job): void => {
    if (metadata?.uid !== undefined) made.set(cellId, metadata.uid);
    const [oldest] = made.keys();
    if (made.size > rememberedJobs && oldest !== undefined) made.delete(oldest);
  };

  return {
    ...clusterCells(connect),
    name: "kubernetes",
    reach: "everywhere",
    maximumCells,
    placement,
    collectionMilliseconds: 300_000,
    status: async () => {
      try {
        const seen = await look();
        const isolation = clusterIsolation(facts(seen), usualLimits);
        return { available: true, summary: `Kubernetes ${seen.version}, namespace ${namespace}`, isolation };
      } catch (error) {
        if (!(error instanceof KgentsError)) throw error;
        return { available: false, summary: `${error.message}. ${error.remedy}`, isolation: null };
      }
    },
    // The quotas and the scheduler decide what fits.
    check: () => {},
    acquire: async (plan) => {
      const seen = await look(true);
      checkNetwork(seen, plan.shape.network, options.networkIsolation);
      const own = await connect();
      remember(plan.cellId, await createJob(own, plan, { runtimeClassName, podTemplate, userIds }).catch(asFailure));
      return { isolation: clusterIsolation(facts(seen), plan.shape) };
    },
    run: async (cell, n, program, context) => {
      const nodePatienceMilliseconds = options.nodePatienceMilliseconds ?? defaultNodePatience;
      const jobUid = made.get(cell.cellId);
      made.delete(cell.cellId);
      return runProgram({ ...(await connect()), nodePatienceMilliseconds }, cell, n, program, context, jobUid);
    },
    remove: async (cellId, found) => {
      const uid = found?.uid;
      const job =
        uid === undefined ? undefined : { metadata: { name: cellId, uid, labels: { [instanceLabel]: instance } } };
      await deleteCell(await connect(), cellId, job).catch(asFailure);
      placement.release(cellId);
    },
    // Cells of an earlier worker are followed by the next worker, or deleted by the scheduled sweep, which asks
    // Temporal first.
    sweep: async () => 0,
    close: async () => {
      await (await connect.made()?.catch(() => undefined))?.watch.close();
    },
  };
}
