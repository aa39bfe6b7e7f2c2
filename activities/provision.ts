import { Context } from "@temporalio/activity";
import type { CellPlan } from "#cells/cell-plan";
import { chooseProvider } from "#cells/placement/choose-provider";
import { NoPlace } from "#cells/placement/no-place";
import type { CellProvider } from "#cells/provider";
import type { ExecutionSpec } from "#core/contract/request";
import type { Isolation } from "#core/contract/result";
import { codeAnnotations } from "#core/manifest/manifest";
import type { WantedPackages } from "#core/packages/environment";
import { applyPackagePolicy } from "#core/packages/policy";
import { titleOf } from "#core/text/code-excerpt";
import { inTime } from "#platform/host/time-limit";
import type { ArtifactStore } from "#platform/store/artifact-store";
import type { NoPlaceNow, ProvisionedCell, ProvisionInput, QueuedHeartbeat, Restarted } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { holdInTime, storeMilliseconds } from "./in-time.ts";
import { cellIdOf, currentRun, type PlannedRun, planCell, withEnvironment } from "./plan.ts";
import { wantedPackages } from "./wanted-packages.ts";

const beatMilliseconds = 2000;
/** The most characters of the packages' names that the workflow gets, for display. */
const maximumPackagesLength = 200;
/**
 * The time limit of creating a cell. Installing the sandbox's tools takes a minute or two, or more on a slow network.
 */
const makeMilliseconds = 10 * 60_000;
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

/** Creates a cell whose place is claimed. Gives the place back on failure. */
async function make(
  { running }: ActivityDependencies,
  provider: CellProvider,
  plan: CellPlan,
  requester: string | null,
  signal: AbortSignal,
): Promise<Isolation> {
  const { cellId, owner } = plan;
  const { log } = Context.current();
  running.know({ cellId, backend: provider.name, ...owner, requester });
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

/** The packages that a run asks for, if the worker allows them; null if it asks for none. */
async function packagesOf(
  { store, policy }: ActivityDependencies,
  { spec, cell }: PlannedRun,
): Promise<WantedPackages | null> {
  const wanted = await wantedPackages(spec, cell.shape.language, store.openBlob);
  if (wanted) applyPackagePolicy(wanted, policy.packages);
  return wanted;
}

/** Phase 1: validates the request, chooses the provider, takes a place or waits for one, prepares the cell. */
export const provision =
  (dependencies: ActivityDependencies) =>
  async (input: ProvisionInput): Promise<ProvisionedCell | NoPlaceNow | Restarted> => {
    using beat = beating();
    const { wait = false, inCluster = false } = input;
    const run = currentRun(input.firstRunId);
    const cellId = cellIdOf(run, input.attempt);
    if (run.isRestarted) return { restarted: true, cellId };
    const planned = planCell(dependencies, input.request, cellId, run);
    const { spec } = planned;
    const wanted = await packagesOf(dependencies, planned);
    const bare: CellPlan = { ...planned.cell, annotations: () => codeAnnotations(spec) };
    const plan = wanted ? withEnvironment(bare, wanted.ecosystem, dependencies.policy, null) : bare;
    const { provider, fallback } = await chooseProvider(dependencies, spec, input.fallback);
    const { placement } = provider;
    provider.check(plan.shape);
    // Make room in the store before taking a place. Hold the run's content, so that it is not removed during the wait.
    await inTime(dependencies.store.makeRoom(), storeMilliseconds, {
      kind: "artifact-unavailable",
      what: "looking for room in the artifact store",
    });
    using _held = await holding(dependencies.store, run.key, spec);
    const signal = Context.current().cancellationSignal;
    const requester = spec.requester ?? null;
    const makeCell = (): Promise<Isolation> => {
      // The run has its place: later heartbeats must not report it as queued.
      beat.queued = null;
      return make(dependencies, provider, plan, requester, signal);
    };
    const onQueued = (ahead: number, why: string): void => {
      beat.queued = { phase: "queued", ahead, ...(inCluster && { cluster: why }) };
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
      cellId,
      backend: provider.name,
      taskQueue: provider.reach === "host" ? dependencies.hostTaskQueue : null,
      isolation,
      fallback,
      language: plan.shape.language.name,
      requester,
      title: titleOf(spec),
      timeoutMilliseconds: spec.timeout,
      startupTimeoutMilliseconds: spec.startupTimeout,
      maximumAttempts: spec.retry.maximumAttempts,
      ttlMilliseconds: spec.ttl,
      searchAttributes: dependencies.searchAttributes,
      ...(wanted && { packages: wanted.requirements.join(", ").slice(0, maximumPackagesLength) }),
    };
  };
