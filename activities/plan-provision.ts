import { Context } from "@temporalio/activity";
import type { CellPlan } from "#cells/cell-plan";
import type { ProviderWish } from "#cells/placement/choose-provider";
import { hasKernel } from "#core/contract/language";
import { codeAnnotations } from "#core/manifest/manifest";
import type { WantedPackages } from "#core/packages/environment";
import { titleOf } from "#core/text/code-excerpt";
import type { StoredContent } from "#platform/store/open-content";
import type { ProvisionedCell, ProvisionInput, Restarted } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { cellIdOf, type currentRun, planCell, withEnvironment } from "./plan.ts";
import { planSession } from "./plan-session.ts";
import { namedPackages, wantedPackages } from "./wanted-packages.ts";

/** The most characters of the packages' names that the workflow gets, for display. */
const maximumPackagesLength = 200;

/** What `provision` does, for a run or for a session. */
export interface PlannedProvision {
  readonly cell: CellPlan;
  readonly choice: ProviderWish;
  /** The content in the store that must be kept meanwhile. */
  readonly content: StoredContent;
  readonly requester: string | null;
  /** The fields of the answer that the request determines. */
  readonly output: Pick<
    ProvisionedCell,
    | ("title" | "timeoutMilliseconds" | "startupTimeoutMilliseconds" | "maximumAttempts" | "ttlMilliseconds")
    | ("session" | "packages")
  >;
}

/** The packages for display, if there are any. */
const inWords = (wanted: WantedPackages | null): Pick<ProvisionedCell, "packages"> =>
  wanted ? { packages: wanted.requirements.join(", ").slice(0, maximumPackagesLength) } : {};

type CurrentRun = ReturnType<typeof currentRun>;

async function planRun(
  dependencies: ActivityDependencies,
  { request, attempt }: ProvisionInput,
  run: CurrentRun,
): Promise<PlannedProvision> {
  const planned = planCell(dependencies, request, cellIdOf(run, attempt), run);
  const { spec } = planned;
  const { policy, store } = dependencies;
  const wanted = await wantedPackages(spec, planned.cell.shape.language, policy.packages, store.openBlob);
  const bare: CellPlan = { ...planned.cell, annotations: () => codeAnnotations(spec) };
  return {
    cell: wanted ? withEnvironment(bare, wanted.ecosystem, policy, null) : bare,
    choice: spec,
    content: spec,
    requester: spec.requester ?? null,
    output: {
      title: titleOf(spec),
      timeoutMilliseconds: spec.timeout,
      startupTimeoutMilliseconds: spec.startupTimeout,
      maximumAttempts: spec.retry.maximumAttempts,
      ttlMilliseconds: spec.ttl,
      ...inWords(wanted),
    },
  };
}

/**
 * The cell of a session. Its id also depends on the execution, so that after a reset of the workflow no cell of the
 * execution before is taken for a new one.
 */
function planSessionCell(
  dependencies: ActivityDependencies,
  { request, attempt }: ProvisionInput,
  run: CurrentRun,
  ends: number | null,
): PlannedProvision {
  const runId = Context.current().info.workflowExecution?.runId ?? run.runId;
  const cellId = cellIdOf({ ...run, key: `${run.key}/${runId}` }, attempt);
  const { spec, language, cell } = planSession(dependencies, request, cellId, run, ends);
  const wanted = namedPackages(spec, language, dependencies.policy.packages);
  return {
    cell: wanted ? withEnvironment(cell, wanted.ecosystem, dependencies.policy, null) : cell,
    choice: spec,
    content: { files: [] },
    requester: spec.requester ?? null,
    output: {
      title: `session of ${language.name}`,
      timeoutMilliseconds: spec.maximumAge,
      startupTimeoutMilliseconds: spec.startupTimeout,
      maximumAttempts: 1,
      ttlMilliseconds: 0,
      session: {
        runId,
        kernel: hasKernel(language),
        idleMilliseconds: spec.idleTimeout,
        maximumAgeMilliseconds: spec.maximumAge,
        restore: spec.restore,
      },
      ...inWords(wanted),
    },
  };
}

/**
 * Validates a request or a session, and plans its cell.
 *
 * @throws KgentsError `invalid-request`, `policy-violation`, `unsupported-language`
 */
export async function planProvision(
  dependencies: ActivityDependencies,
  input: ProvisionInput,
  run: CurrentRun,
): Promise<PlannedProvision | Restarted> {
  if (input.session) return planSessionCell(dependencies, input, run, input.session.ends);
  if (run.isRestarted) return { restarted: true, cellId: cellIdOf(run, input.attempt) };
  return planRun(dependencies, input, run);
}
