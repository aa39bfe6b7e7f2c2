import { Context } from "@temporalio/activity";
import { titleOf } from "../core/code-excerpt.ts";
import { KgentsError } from "../core/error.ts";
import type { ExecutionSpec } from "../core/request.ts";
import type { BackendName, Isolation } from "../core/result.ts";
import type { Backend } from "./backends/backend.ts";
import type { Full, ProvisionedCell, ProvisionInput } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { servedBackend } from "./execute.ts";
import { cellIdOf, currentRun, planCell } from "./plan.ts";

const beatMilliseconds = 2000;

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
  const reason = cluster
    ? await cluster.status().then((status) => (status.available ? undefined : status.summary))
    : "this worker serves no cluster";
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
function beating(): Disposable & { ahead: number | null } {
  const context = Context.current();
  const beat = {
    ahead: null as number | null,
    [Symbol.dispose]: () => clearInterval(timer),
  };
  const timer = setInterval(() => {
    context.heartbeat(beat.ahead === null ? { phase: "provisioning" } : { phase: "queued", ahead: beat.ahead });
  }, beatMilliseconds);
  return beat;
}

/** Takes a place among the cells of this worker, or waits for one; false where there is none and the caller will not wait. */
async function takePlace(
  { limiter }: ActivityDependencies,
  cellId: string,
  wait: boolean,
  onQueued: (ahead: number) => void,
): Promise<boolean> {
  if (!wait) return limiter.tryAcquire(cellId);
  await limiter.acquire(cellId, Context.current().cancellationSignal, onQueued);
  return true;
}

/** Phase 1: checks the request, picks the backend, prepares the cell. */
export const provision =
  (dependencies: ActivityDependencies) =>
  async (input: ProvisionInput): Promise<ProvisionedCell | Full> => {
    using beat = beating();
    const run = currentRun();
    const cellId = cellIdOf(run, input.attempt);
    const plan = planCell(dependencies, input.request, cellId, run);
    // The server counts starts on the queue of those that wait: with a limit all of them come by it.
    if (!input.wait && dependencies.policy.maximumStartsPerSecond !== undefined) return { full: true };
    const { backend, fallback } = await chooseBackend(dependencies, plan.spec, input.fallback);
    const { running, limiter } = dependencies;
    const onQueued = (ahead: number): void => {
      beat.ahead = ahead;
    };
    let isolation: Isolation;
    try {
      if (backend.hostBound && !(await takePlace(dependencies, cellId, input.wait ?? false, onQueued)))
        return { full: true };
      const requester = plan.spec.requester ?? null;
      running.know({ cellId, backend: backend.name, workflowId: run.workflowId, runId: run.runId, requester });
      ({ isolation } = await backend.provision(plan, Context.current().cancellationSignal));
    } catch (error) {
      // An attempt that was given up and fails late must not take the place of its successor's cell.
      if (!running.get(cellId)?.running && !Context.current().cancellationSignal.aborted) {
        limiter.release(cellId);
        running.forget(cellId);
      }
      throw error;
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
