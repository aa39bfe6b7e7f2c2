import { Context } from "@temporalio/activity";
import type { CellPlan } from "#cells/cell-plan";
import { servedProvider } from "#cells/placement/choose-provider";
import { NoPlace } from "#cells/placement/no-place";
import { KgentsError } from "#core/contract/error";
import type { Environment, PackageRuntime, WantedPackages } from "#core/packages/environment";
import { meetsPython } from "#core/packages/python-version";
import type { CellInput, Elsewhere, NoPlaceNow } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { isElsewhere } from "./execute.ts";
import { beating } from "./in-time.ts";
import { currentRun, planCell, withEnvironment } from "./plan.ts";
import { planSession } from "./plan-session.ts";
import { namedPackages, wantedPackages } from "./wanted-packages.ts";

/** Refuses an interpreter that the code does not run on, by its own words. */
function checkVersion({ requiresPython }: WantedPackages, { version }: PackageRuntime): void {
  if (requiresPython === undefined || meetsPython(version, requiresPython)) return;
  throw new KgentsError(
    "package-conflict",
    `the code requires Python ${requiresPython}; the interpreter of the cell is ${version}`,
    { remedy: "Use another image or interpreter, or change `requires-python` in the code." },
  );
}

/** The cell of a run or of a session, and the packages that it asks for. */
async function planPackages(
  dependencies: ActivityDependencies,
  { request, cellId, firstRunId, session }: CellInput,
): Promise<{ readonly cell: CellPlan; readonly wanted: WantedPackages | null }> {
  const run = currentRun(firstRunId);
  const { policy, store } = dependencies;
  if (session) {
    const { cell, spec, language } = planSession(dependencies, request, cellId, run, session.ends);
    return { cell, wanted: namedPackages(spec, language, policy.packages) };
  }
  const { cell, spec } = planCell(dependencies, request, cellId, run);
  return { cell, wanted: await wantedPackages(spec, cell.shape.language, policy.packages, store.openBlob) };
}

/**
 * Installs the packages of a run, between the preparation of its cell and its start: asks the interpreter of the cell
 * what fits it, resolves, builds the tree or finds it, and puts it into the cell where that is not done at the start.
 */
export const prepareEnvironment =
  (dependencies: ActivityDependencies) =>
  async (input: CellInput): Promise<Environment | Elsewhere | NoPlaceNow> => {
    if (isElsewhere(dependencies, input)) return { elsewhere: true };
    using _beat = beating(() => ({ phase: "preparing-environment" }));
    const { policy, environments } = dependencies;
    const provider = servedProvider(dependencies, input.backend);
    const planned = await planPackages(dependencies, input);
    const { wanted } = planned;
    if (wanted === null) throw new KgentsError("internal", "a run without packages needs no environment");
    const signal = Context.current().cancellationSignal;
    try {
      const cell = withEnvironment(planned.cell, wanted.ecosystem, policy, null);
      const runtime = await provider.runtime(cell, wanted.ecosystem, signal);
      checkVersion(wanted, runtime);
      const environment = await environments.prepare(wanted, runtime, signal);
      await provider.addPackages(withEnvironment(cell, wanted.ecosystem, policy, environment.hash), signal);
      return environment;
    } catch (error) {
      // Whatever it interrupted is not the reason.
      if (signal.aborted) return await Context.current().cancelled;
      if (error instanceof NoPlace) return { full: true, cluster: error.message };
      throw error;
    }
  };
