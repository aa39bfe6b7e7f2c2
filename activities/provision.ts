import { Context } from "@temporalio/activity";
import { isNoPlace, type NoPlace } from "#cells/placement/waiting-line";
import { type Backend, type CellPlan, NoRoom } from "#cells/provider";
import { applyMachine } from "#core/configuration/policy";
import { KgentsError } from "#core/contract/error";
import type { ExecutionSpec } from "#core/contract/request";
import type { BackendName, Isolation } from "#core/contract/result";
import { titleOf } from "#core/text/code-excerpt";
import { machineLimits } from "#platform/host/machine-limits";
import { inTime } from "#platform/host/within";
import type { ArtifactStore } from "#platform/store/artifact-store";
import type { Full, ProvisionedCell, ProvisionInput, QueuedHeartbeat, Restarted } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { servedBackend } from "./execute.ts";
import { holdInTime, storeMilliseconds } from "./in-time.ts";
import { cellIdOf, currentRun, planCell } from "./plan.ts";
import { isCarried } from "./running-cells.ts";

const beatMilliseconds = 2000;
/**
 * The time limit of creating a cell. Installing the sandbox's tools takes a minute or two, or more on a slow network.
 */
const makeMilliseconds = 10 * 60_000;
/** How long a cluster may be unavailable while a run waits for room in it. */
const awayMilliseconds = 60_000;

type Fallback = { readonly from: BackendName; readonly reason: string };

/**
 * Chooses the backend: the requested one; for `auto` the cluster, or the sandbox if there is no cluster and the request
 * allows it.
 */
async function chooseBackend(
  dependencies: ActivityDependencies,
  spec: ExecutionSpec,
  fallback: Fallback | undefined,
): Promise<{ backend: Backend; fallback: Fallback | null }> {
  if (fallback) return { backend: servedBackend(dependencies, "subprocess"), fallback };
  if (spec.backend !== "auto") return { backend: servedBackend(dependencies, spec.backend), fallback: null };
  const cluster = dependencies.backends.kubernetes;
  // If no cluster is configured, the sandbox is not reported as a fallback.
  if (!cluster && dependencies.missingCluster === undefined && spec.fallback) {
    return { backend: servedBackend(dependencies, "subprocess"), fallback: null };
  }
  const reason = cluster
    ? await cluster.status().then((status) => (status.available ? undefined : status.summary))
    : (dependencies.missingCluster ?? "this worker serves no cluster");
  // Without fallback, also use an unavailable cluster: its `provision` fails with the specific error.
  if (cluster && (reason === undefined || !spec.fallback)) return { backend: cluster, fallback: null };
  if (!spec.fallback) {
    throw new KgentsError("cluster-unavailable", `no cluster can take the run, and fallback is off: ${reason}`);
  }
  return {
    backend: servedBackend(dependencies, "subprocess"),
    fallback: { from: "kubernetes", reason: reason ?? "the cluster is not available" },
  };
}

/** Heartbeats until disposed. Needed because provisioning may install a sandbox or wait for a free slot. */
function beating(): Disposable & { queued: QueuedHeartbeat | null } {
  const context = Context.current();
  const beat = {
    queued: null as QueuedHeartbeat | null,
    [Symbol.dispose]: () => clearInterval(timer),
  };
  const timer = setInterval(() => context.heartbeat(beat.queued ?? { phase: "provisioning" }), beatMilliseconds);
  return beat;
}

/** Keeps the content that a run uses in the store until disposed, plus the time until the next phase begins. */
async function holding(store: ArtifactStore, key: string, spec: ExecutionSpec): Promise<Disposable> {
  const held = await holdInTime(store, key, spec);
  return { [Symbol.dispose]: held.leave };
}

/** Creates a cell whose slot is already reserved. Releases the slot on failure. */
async function make(
  { running, limiter }: ActivityDependencies,
  backend: Backend,
  plan: CellPlan,
  signal: AbortSignal,
): Promise<Isolation> {
  const { cellId, owner, spec } = plan;
  const { log } = Context.current();
  running.know({ cellId, backend: backend.name, ...owner, requester: spec.requester ?? null });
  try {
    const made = await inTime(backend.provision(plan), makeMilliseconds, {
      kind: "cell-start",
      what: "preparing the cell",
      // Remove the cell unless another attempt has adopted it. Nothing else would remove it.
      onLate: () => {
        if (running.get(cellId)) return;
        backend.cleanUp(cellId).catch((error) => log.warn("a cell that came too late stays", { cellId, error }));
      },
    });
    return made.isolation;
  } catch (error) {
    // A cancelled attempt that fails late must not release the slot of its successor's cell.
    if (!running.get(cellId)?.running && !signal.aborted) {
      limiter.release(cellId);
      backend.cluster?.giveBack(cellId);
      running.forget(cellId);
    }
    throw error;
  }
}

/** Creates a cell in the cluster if this worker is below its maximum and the cluster has room. */
async function makeInCluster(
  dependencies: ActivityDependencies,
  backend: Backend,
  plan: CellPlan,
  signal: AbortSignal,
): Promise<Isolation | NoPlace> {
  const { running, policy } = dependencies;
  const takeRoom = await backend.cluster?.room();
  signal.throwIfAborted();
  // No await from here until the cell is registered, so that two cells cannot take the same slot.
  const carried = running.all().filter((cell) => cell.backend === backend.name && isCarried(cell));
  // Include cells that this worker admitted and another follows, so that all workers together never admit more than
  // they can follow.
  const others = new Set([...carried.map(({ cellId }) => cellId), ...(backend.cluster?.admitted() ?? [])]);
  others.delete(plan.cellId);
  const { maximumCells } = policy.kubernetes;
  if (others.size >= maximumCells) {
    return { noPlace: `worker.kubernetes.maximumCells: ${maximumCells}` };
  }
  const noPlace = takeRoom?.(plan);
  if (noPlace !== undefined) return { noPlace };
  return make(dependencies, backend, plan, signal).catch((error) => {
    if (error instanceof NoRoom) return { noPlace: error.message };
    throw error;
  });
}

/**
 * Treats an unavailable cluster as a full one for a limited time, so that waiting runs do not fail when an API server
 * restarts.
 */
function patient<Made>(attempt: () => Promise<Made | NoPlace>): () => Promise<Made | NoPlace> {
  let awaySince: number | undefined;
  return async () => {
    try {
      const answer = await attempt();
      awaySince = undefined;
      return answer;
    } catch (error) {
      if (!(error instanceof KgentsError) || error.code !== "cluster-unavailable") throw error;
      awaySince ??= Date.now();
      if (Date.now() - awaySince >= awayMilliseconds) throw error;
      return { noPlace: "it does not answer" };
    }
  };
}

/** Phase 1: validates the request, chooses the backend, takes a slot or waits for one, prepares the cell. */
export const provision =
  (dependencies: ActivityDependencies) =>
  async (input: ProvisionInput): Promise<ProvisionedCell | Full | Restarted> => {
    using beat = beating();
    const { wait = false, inCluster = false } = input;
    const run = currentRun(input.firstRunId);
    const cellId = cellIdOf(run, input.attempt);
    if (run.isRestarted) return { restarted: true, cellId };
    const plan = planCell(dependencies, input.request, cellId, run);
    const { backend, fallback } = await chooseBackend(dependencies, plan.spec, input.fallback);
    if (backend.hostBound) applyMachine(plan.spec, dependencies.policy, machineLimits());
    const { limiter, line } = dependencies;
    // The server applies the rate limit to the waiting queues, so with a limit all starts must go through these.
    const { maximumStartsPerSecond } = dependencies.policy;
    if (!wait && maximumStartsPerSecond !== undefined) {
      const cluster = `worker.maximumStartsPerSecond: ${maximumStartsPerSecond}`;
      return backend.hostBound ? { full: true } : { full: true, cluster };
    }
    // Make room in the store before taking a slot. Hold the run's content, so that it is not removed during the wait.
    await inTime(dependencies.store.makeRoom(), storeMilliseconds, {
      kind: "artifact-unavailable",
      what: "looking for room in the artifact store",
    });
    using _held = await holding(dependencies.store, run.key, plan.spec);
    const signal = Context.current().cancellationSignal;
    let isolation: Isolation;
    if (backend.hostBound) {
      if (wait && !inCluster) {
        await limiter.acquire(cellId, signal, (ahead) => {
          beat.queued = { phase: "queued", ahead };
        });
        // The run has its slot: later heartbeats must not report it as queued.
        beat.queued = null;
      } else if (!limiter.tryAcquire(cellId)) return { full: true };
      isolation = await make(dependencies, backend, plan, signal);
    } else {
      const attempt = () => makeInCluster(dependencies, backend, plan, signal);
      const made = await (inCluster
        ? line.wait(patient(attempt), signal, (ahead, cluster) => {
            beat.queued = { phase: "queued", ahead, cluster };
          })
        : line.tryNow(attempt));
      if (isNoPlace(made)) return { full: true, cluster: made.noPlace };
      isolation = made;
    }
    return {
      cellId,
      backend: backend.name,
      taskQueue: backend.hostBound ? dependencies.hostTaskQueue : null,
      isolation,
      fallback,
      language: plan.language.name,
      requester: plan.spec.requester ?? null,
      title: titleOf(plan.spec),
      timeoutMilliseconds: plan.spec.timeout,
      startupTimeoutMilliseconds: plan.spec.startupTimeout,
      maximumAttempts: plan.spec.retry.maximumAttempts,
      ttlMilliseconds: plan.spec.ttl,
      searchAttributes: dependencies.searchAttributes,
    };
  };
