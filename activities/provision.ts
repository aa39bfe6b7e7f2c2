import { Context } from "@temporalio/activity";
import { KgentsError } from "../core/error.ts";
import type { ExecutionSpec } from "../core/request.ts";
import type { BackendName, Isolation } from "../core/result.ts";
import type { Backend } from "./backends/backend.ts";
import type { ProvisionedCell, ProvisionInput } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { servedBackend } from "./execute.ts";
import { cellIdOf, currentRun, planCell } from "./plan.ts";

const waitingBeatMilliseconds = 2000;

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
  if (cluster && reason === undefined) return { backend: cluster, fallback: null };
  if (!spec.fallback) {
    throw new KgentsError("cluster-unavailable", `no cluster can take the run, and fallback is off: ${reason}`);
  }
  return {
    backend: servedBackend(dependencies, "subprocess"),
    fallback: { from: "kubernetes", reason: reason ?? "the cluster is not available" },
  };
}

/** Waits for a place among the cells of this worker; heartbeats say so meanwhile. */
async function waitForPlace(dependencies: ActivityDependencies, cellId: string): Promise<void> {
  const context = Context.current();
  let timer: NodeJS.Timeout | undefined;
  try {
    await dependencies.limiter.acquire(cellId, context.cancellationSignal, (ahead) => {
      const say = (): void => context.heartbeat({ phase: "queued", ahead });
      say();
      timer = setInterval(say, waitingBeatMilliseconds);
    });
  } finally {
    clearInterval(timer);
  }
}

function titleOf(spec: ExecutionSpec): string {
  if (spec.entrypoint !== undefined) return spec.entrypoint;
  if (typeof spec.code !== "string") return "(code from the artifact store)";
  const line = spec.code.split("\n").find((text) => text.trim() !== "") ?? "";
  return line.length > 100 ? `${line.slice(0, 97)}...` : line;
}

/** Phase 1: checks the request, picks the backend, prepares the cell. */
export const provision =
  (dependencies: ActivityDependencies) =>
  async (input: ProvisionInput): Promise<ProvisionedCell> => {
    const run = currentRun();
    const cellId = cellIdOf(run, input.attempt);
    const plan = planCell(dependencies, input.request, cellId);
    const { backend, fallback } = await chooseBackend(dependencies, plan.spec, input.fallback);
    let isolation: Isolation;
    try {
      if (backend.hostBound) await waitForPlace(dependencies, cellId);
      dependencies.running.know({ cellId, backend: backend.name, workflowId: run.workflowId, runId: run.runId });
      ({ isolation } = await backend.provision(plan));
    } catch (error) {
      dependencies.limiter.release(cellId);
      dependencies.running.forget(cellId);
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
      searchAttributes: dependencies.searchAttributes,
    };
  };
