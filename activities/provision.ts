import { Context } from "@temporalio/activity";
import { isNoPlace, type NoPlace } from "#cells/placement/waiting-line";
import { type Backend, type CellPlan, NoRoom } from "#cells/provider";
import { applyMachine } from "#core/configuration/policy";
import { KgentsError } from "#core/contract/error";
import type { ExecutionSpec } from "#core/contract/request";
import type { BackendName, Isolation } from "#core/contract/result";
import { titleOf } from "#core/text/code-excerpt";
import { machineLimits } from "#platform/host/machine-limits";
import type { ArtifactStore } from "#platform/store/artifact-store";
import type { Full, ProvisionedCell, ProvisionInput, QueuedHeartbeat, Restarted } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { servedBackend } from "./execute.ts";
import { holdInTime, inTime, storeMilliseconds } from "./in-time.ts";
import { cellIdOf, currentRun, planCell } from "./plan.ts";
import { isCarried } from "./running-cells.ts";

const beatMilliseconds = 2000;
/** Installing the tools of a sandbox takes a minute or two, on a slow network some more; anything else takes seconds. */
const makeMilliseconds = 10 * 60_000;
/** How long a cluster may be away while a run waits for a place in it. */
const awayMilliseconds = 60_000;

type Fallback = { readonly from: BackendName; readonly reason: string };

/** Picks the backend: what the request names, or the cluster, or where there is none the sandbox, if that is allowed. */
async function chooseBackend(
  dependencies: ActivityDependencies,
  spec: ExecutionSpec,
  fallback: Fallback | undefined,
): Promise<{ backend: Backend; fallback: Fallback | null }> {
  if (fallback) return { backend: servedBackend(dependencies, "subprocess"), fallback };
  if (spec.backend !== "auto") return { backend: servedBackend(dependencies, spec.backend), fallback: null };
  const cluster = dependencies.backends.kubernetes;
  // Where nobody has named a cluster, the sandbox is in nobody's place.
  if (!cluster && dependencies.missingCluster === undefined && spec.fallback) {
    return { backend: servedBackend(dependencies, "subprocess"), fallback: null };
  }
  const reason = cluster
    ? await cluster.status().then((status) => (status.available ? undefined : status.summary))
    : (dependencies.missingCluster ?? "this worker serves no cluster");
  // Where it cannot take the run and nothing else may, it says so by itself, with the failure that fits.
  if (cluster && (reason === undefined || !spec.fallback)) return { backend: cluster, fallback: null };
  if (!spec.fallback) {
    throw new KgentsError("cluster-unavailable", `no cluster can take the run, and fallback is off: ${reason}`);
  }
  return {
    backend: servedBackend(dependencies, "subprocess"),
    fallback: { from: "kubernetes", reason: reason ?? "the cluster is not available" },
  };
}

/** Heartbeats until disposed of: preparing may mean installing a sandbox, or waiting for a place. */
function beating(): Disposable & { queued: QueuedHeartbeat | null } {
  const context = Context.current();
  const beat = {
    queued: null as QueuedHeartbeat | null,
    [Symbol.dispose]: () => clearInterval(timer),
  };
  const timer = setInterval(() => context.heartbeat(beat.queued ?? { phase: "provisioning" }), beatMilliseconds);
  return beat;
}

/** Keeps what a run uses until disposed of, and for the time that it takes to begin its next phase. */
async function holding(store: ArtifactStore, key: string, spec: ExecutionSpec): Promise<Disposable> {
  const held = await holdInTime(store, key, spec);
  return { [Symbol.dispose]: held.leave };
}

/** Makes a cell that has its place; gives the place back where that fails. */
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
      // Another attempt may have adopted it; where none has, nobody would ever take it away.
      onLate: () => {
        if (running.get(cellId)) return;
        backend.cleanUp(cellId).catch((error) => log.warn("a cell that came too late stays", { cellId, error }));
      },
    });
    return made.isolation;
  } catch (error) {
    // An attempt that was given up and fails late must not take the place of its successor's cell.
    if (!running.get(cellId)?.running && !signal.aborted) {
      limiter.release(cellId);
      backend.cluster?.giveBack(cellId);
      running.forget(cellId);
    }
    throw error;
  }
}

/** Makes a cell in the cluster where this worker may carry one more and the cluster has room for it. */
async function makeInCluster(
  dependencies: ActivityDependencies,
  backend: Backend,
  plan: CellPlan,
  signal: AbortSignal,
): Promise<Isolation | NoPlace> {
  const { running, policy } = dependencies;
  const takeRoom = await backend.cluster?.room();
  signal.throwIfAborted();
  // From here to the registry without a pause, so that two cells never see the same place.
  const carried = running.all().filter((cell) => cell.backend === backend.name && isCarried(cell));
  // Those too that it let in and another worker follows: so all workers together never let in more than they can follow.
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
 * An attempt that for a while takes a cluster which is away for one without a place: those that have waited need not fail because an API
 * server is restarted.
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

/** Phase 1: checks the request, picks the backend, takes a place or waits for one, prepares the cell. */
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
    // The server counts starts on the queues of those that wait: with a limit all of them come by these.
    const { maximumStartsPerSecond } = dependencies.policy;
    if (!wait && maximumStartsPerSecond !== undefined) {
      const cluster = `worker.maximumStartsPerSecond: ${maximumStartsPerSecond}`;
      return backend.hostBound ? { full: true } : { full: true, cluster };
    }
    // Room for what the run will write is looked for before it takes a place. What it uses stays while it waits for one.
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
        // It has its place: what comes now is no waiting.
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
