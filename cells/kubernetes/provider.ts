/**
 * The provider of cells that are hardened Jobs of a cluster.
 *
 * @module
 */
import type { V1Job } from "@kubernetes/client-node";
import { defaultMaximumCells } from "#core/configuration/maximum-cells";
import type { NetworkAccess } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import type { Isolation } from "#core/contract/result";
import { defaultUserIds, type UserIds } from "#core/manifest/cell-user";
import { instanceLabel } from "#core/manifest/cluster-names";
import type { PodTemplate } from "#core/manifest/pod-template-fields";
import { programDirectory } from "#core/manifest/supervisor";
import { type Once, once } from "#core/text/once";
import { kgentsPaths } from "#platform/host/paths";
import { createPlacement, type Placement } from "../placement/placement.ts";
import { createSlots } from "../placement/slots.ts";
import { startRate } from "../placement/start-rate.ts";
import type { CellProvider, OwnedCell } from "../provider.ts";
import { statusBy } from "../provider-status.ts";
import { type ShapeLimits, usualLimits } from "../usual-limits.ts";
import { type ClusterSettings, createClusterClient } from "./api/cluster-client.ts";
import { ClusterError, toRunFailure } from "./api/cluster-error.ts";
import { type ClusterStatus, clusterStatusReader } from "./api/cluster-status.ts";
import type { OwnCells } from "./api/own-cells.ts";
import { watchPods } from "./api/pod-watch.ts";
import { checkServerVersion } from "./api/server-version.ts";
import { deleteCell, type FoundJob } from "./cell/delete-cell.ts";
import { clusterIsolation } from "./cell/isolation.ts";
import { createJob } from "./cell/job.ts";
import { findCell, interruptProgram, listCells, releaseCell } from "./cell/own-jobs.ts";
import { runProgram } from "./exec/run-program.ts";
import { askRuntime } from "./packages/ask-runtime.ts";
import { deliverTree } from "./packages/deliver-tree.ts";
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
  /** Where packages are kept: see `Paths`. @default that of this user */
  readonly cacheDirectory?: string;
  readonly log: (line: string) => void;
}

const defaultNodePatience = 60_000;
/** A bound above the number of cells that a worker has at once. */
const rememberedJobs = 2000;

/**
 * Rejects a run that needs network isolation that the cluster does not provide, unless the worker's policy is
 * `best-effort`.
 */
function checkNetwork(
  status: ClusterStatus,
  { to }: NetworkAccess,
  policy: KubernetesOptions["networkIsolation"],
): void {
  if (to !== "nothing" || status.networkIsolation === "enforced" || policy === "best-effort") return;
  const why =
    status.networkIsolation === "not-enforced"
      ? "the cluster ignores NetworkPolicies"
      : "it is not proved that the cluster enforces NetworkPolicies";
  throw new KgentsError("network-isolation-unavailable", `code without network cannot be isolated here: ${why}`, {
    remedy:
      "Run `kgents infra init` to prove it, use a network plugin that enforces policies, run with --backend subprocess, or set worker.kubernetes.networkIsolation to best-effort.",
  });
}

/** Rethrows errors of the cluster as failures of a run. */
const asFailure = (error: unknown): never => {
  throw error instanceof ClusterError ? toRunFailure(error) : error;
};

/** The connection to the cluster, made on first use. */
interface Connection {
  /** The watch of pods starts with the first call. */
  readonly connect: Once<OwnCells>;
  /** Reads the cluster's status, without a watch. @throws KgentsError if it does not answer or is too old */
  readonly readStatus: (patient?: boolean) => Promise<ClusterStatus>;
}

function connectionOf(options: KubernetesOptions): Connection {
  const { instance, log } = options;
  const client = once(() => createClusterClient(options));
  const readCluster = clusterStatusReader(client);
  return {
    connect: once(async () => {
      const connected = await client();
      return { client: connected, instance, watch: watchPods(connected, `${instanceLabel}=${instance}`, log) };
    }),
    readStatus: async (patient) => {
      const status = await readCluster(patient);
      checkServerVersion(status.version);
      return status;
    },
  };
}

/** Where the cells of a cluster get their places. */
function clusterPlacement(
  options: KubernetesOptions,
  maximumCells: number,
  { connect, readStatus }: Connection,
): Placement {
  const quotas = quotaLimit(connect, options.log, options.podTemplate);
  return createPlacement("cluster", [
    startRate(options.maximumStartsPerSecond),
    // An unavailable cluster is reported before a full one.
    { read: async () => void (await readStatus(true)), refusal: () => undefined },
    createSlots({
      setting: "worker.kubernetes.maximumCells",
      maximum: maximumCells,
      admitted: quotas.admitted,
    }),
    quotas,
  ]);
}

/** The uids of the Jobs that this process created. To know the uid of a cell's Job saves a request to the server. */
interface CreatedJobs {
  readonly add: (cellId: string, job: V1Job) => void;
  /** The uid of a cell's Job, which is then forgotten; undefined if this process did not create it. */
  readonly take: (cellId: string) => string | undefined;
}

function createdJobs(): CreatedJobs {
  const uids = new Map<string, string>();
  return {
    add: (cellId, { metadata }) => {
      if (metadata?.uid !== undefined) uids.set(cellId, metadata.uid);
      const [oldest] = uids.keys();
      if (uids.size > rememberedJobs && oldest !== undefined) uids.delete(oldest);
    },
    take: (cellId) => {
      const uid = uids.get(cellId);
      uids.delete(cellId);
      return uid;
    },
  };
}

/** The Job of a cell that the caller has found; undefined if it has not been looked up. */
const jobOf = (instance: string, cellId: string, found: OwnedCell | undefined): FoundJob | undefined =>
  found?.uid === undefined
    ? undefined
    : { metadata: { name: cellId, uid: found.uid, labels: { [instanceLabel]: instance } } };

/** Creates the provider of cells in a cluster. It connects on first use. */
export function createKubernetesProvider(options: KubernetesOptions): CellProvider {
  const { instance, namespace, runtimeClassName, podTemplate, userIds = defaultUserIds } = options;
  const { maximumCells = defaultMaximumCells.kubernetes, nodePatienceMilliseconds = defaultNodePatience } = options;
  const { cacheDirectory = kgentsPaths().cache } = options;
  const connection = connectionOf(options);
  const { connect, readStatus } = connection;
  const placement = clusterPlacement(options, maximumCells, connection);
  const created = createdJobs();
  const isolationOf = ({ version, networkIsolation, networkTried }: ClusterStatus, limits: ShapeLimits): Isolation =>
    clusterIsolation({ namespace, version, networkIsolation, networkTried, runtimeClassName, userIds }, limits);
  return {
    name: "kubernetes",
    reach: "everywhere",
    maximumCells,
    placement,
    collectionMilliseconds: 300_000,
    status: () =>
      statusBy(async () => {
        const status = await readStatus();
        const summary = `Kubernetes ${status.version}, namespace ${namespace}`;
        return { summary, isolation: isolationOf(status, usualLimits()) };
      }),
    // The quotas and the scheduler decide what fits.
    check: () => {},
    runtime: async (cell, ecosystem, signal) => askRuntime(await connect(), cell, ecosystem, signal),
    addPackages: async (cell, signal) => deliverTree(await connect(), cell, cacheDirectory, signal),
    acquire: async (plan) => {
      const status = await readStatus(true);
      checkNetwork(status, plan.shape.network, options.networkIsolation);
      const job = await createJob(await connect(), plan, { runtimeClassName, podTemplate, userIds }).catch(asFailure);
      created.add(plan.cellId, job);
      return { isolation: isolationOf(status, plan.shape) };
    },
    run: async (cell, n, program, context) => {
      const jobUid = created.take(cell.cellId);
      return runProgram({ ...(await connect()), nodePatienceMilliseconds }, cell, n, program, context, jobUid);
    },
    interrupt: async ({ cellId, shape }, n) =>
      interruptProgram(await connect(), cellId, programDirectory(shape.programs, n)).catch(asFailure),
    release: async (cellId) => releaseCell(await connect(), cellId),
    remove: async (cellId, found) => {
      await deleteCell(await connect(), cellId, jobOf(instance, cellId, found)).catch(asFailure);
      placement.release(cellId);
    },
    find: async (cellId) => findCell(await connect(), cellId),
    list: async () => listCells(await connect()),
    // Cells of an earlier worker are followed by the next worker, or deleted by the scheduled sweep, which asks
    // Temporal first.
    sweep: async () => 0,
    close: async () => {
      await (await connect.made()?.catch(() => undefined))?.watch.close();
    },
  };
}
