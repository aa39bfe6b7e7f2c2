import { Context } from "@temporalio/activity";
import { chooseProvider } from "#cells/placement/choose-provider";
import { NoPlace } from "#cells/placement/no-place";
import type { CellProvider } from "#cells/provider";
import type { Isolation } from "#core/contract/result";
import { inTime } from "#platform/host/time-limit";
import type { ArtifactStore } from "#platform/store/artifact-store";
import type { NoPlaceNow, ProvisionedCell, ProvisionInput, QueuedHeartbeat, Restarted } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { beating, holdInTime, storeMilliseconds } from "./in-time.ts";
import { currentRun } from "./plan.ts";
import { type PlannedProvision, planProvision } from "./plan-provision.ts";

/**
 * The time limit of creating a cell. Installing the sandbox's tools takes a minute or two, or more on a slow network.
 */
const makeMilliseconds = 10 * 60_000;
/** Keeps the content that a run uses in the store until disposed, plus the time until the next phase begins. */
async function holding(store: ArtifactStore, key: string, content: PlannedProvision["content"]): Promise<Disposable> {
  const held = await holdInTime(store, key, content);
  return { [Symbol.dispose]: held.leave };
}

/** Creates a cell whose place is claimed. Gives the place back on failure. */
async function make(
  { running }: ActivityDependencies,
  provider: CellProvider,
  { cell: plan, requester, output }: PlannedProvision,
  signal: AbortSignal,
): Promise<Isolation> {
  const { cellId, owner } = plan;
  const { log } = Context.current();
  running.know({ cellId, backend: provider.name, ...owner, requester, isSession: output.session !== undefined });
  try {
    const made = await inTime(provider.acquire(plan), makeMilliseconds, {
      kind: "cell-start",
      what: "preparing the cell",
      // Remove the cell unless another attempt has adopted it. Nothing else would remove it.
      onLate: () => {
        if (running.get(cellId)) return;
        provider.remove(cellId).catch((error) => log.warn("a cell that came too late stays", { cellId, error }));
      },
    });
    return made.isolation;
  } catch (error) {
    // A cancelled attempt that fails late must not give back the place of its successor's cell.
    if (!running.get(cellId)?.running && !signal.aborted) {
      provider.placement.release(cellId);
      running.forget(cellId);
    }
    throw error;
  }
}

/** Phase 1: validates the request, chooses the provider, takes a place or waits for one, prepares the cell. */
export const provision =
  (dependencies: ActivityDependencies) =>
  async (input: ProvisionInput): Promise<ProvisionedCell | NoPlaceNow | Restarted> => {
    let queued: QueuedHeartbeat | null = null;
    using _beat = beating(() => queued ?? { phase: "provisioning" });
    const { wait = false, inCluster = false } = input;
    const run = currentRun(input.firstRunId);
    const planned = await planProvision(dependencies, input, run);
    if ("restarted" in planned) return planned;
    const { cell: plan } = planned;
    const { provider, fallback } = await chooseProvider(dependencies, planned.choice, input.fallback);
    const { placement } = provider;
    provider.check(plan.shape);
    // Make room in the store before taking a place. Hold the run's content, so that it is not removed during the wait.
    await inTime(dependencies.store.makeRoom(), storeMilliseconds, {
      kind: "artifact-unavailable",
      what: "looking for room in the artifact store",
    });
    using _held = await holding(dependencies.store, run.key, planned.content);
    const signal = Context.current().cancellationSignal;
    const makeCell = (): Promise<Isolation> => {
      // The run has its place: later heartbeats must not report it as queued.
      queued = null;
      return make(dependencies, provider, planned, signal);
    };
    const onQueued = (ahead: number, why: string): void => {
      queued = { phase: "queued", ahead, ...(inCluster && { cluster: why }) };
    };
    const waitsHere = wait && placement.queue === (inCluster ? "cluster" : "sandbox");
    let isolation: Isolation;
    try {
      isolation = await (waitsHere ? placement.wait(plan, makeCell, signal, onQueued) : placement.take(plan, makeCell));
    } catch (error) {
      if (!(error instanceof NoPlace)) throw error;
      return { full: true, ...(placement.queue === "cluster" && { cluster: error.message }) };
    }
    return {
      cellId: plan.cellId,
      backend: provider.name,
      taskQueue: provider.reach === "host" ? dependencies.hostTaskQueue : null,
      isolation,
      fallback,
      language: plan.shape.language.name,
      requester: planned.requester,
      ...planned.output,
      searchAttributes: dependencies.searchAttributes,
    };
  };
