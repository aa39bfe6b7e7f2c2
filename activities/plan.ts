import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { Context } from "@temporalio/activity";
import type { CellPlan } from "#cells/cell-plan";
import type { WorkerPolicy } from "#core/configuration/configuration";
import { applyPolicy, lowerDefaults } from "#core/configuration/policy";
import { type Program, programOf, shapeOf } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { checkDisk } from "#core/contract/file-set";
import { findLanguage } from "#core/contract/language";
import { parseRequest } from "#core/contract/parse-request";
import type { ExecutionSpec } from "#core/contract/request";
import type { Ecosystem } from "#core/packages/environment";
import { runKey } from "#platform/store/references";
import type { CellInput } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";

/** The run that an activity belongs to. */
export interface Run {
  readonly workflowId: string;
  /** Temporal's run id of the first execution. Differs from the current one after a reset. */
  readonly runId: string;
  /** Its folder in the store. */
  readonly key: string;
}

/**
 * Reads the run from the activity's context.
 *
 * @param firstRunId the run id of the first execution. A Reset creates another execution of the same run, with the same
 *   cells and the same folder in the store. @default the run id of the current execution
 */
export function currentRun(firstRunId?: string): Run & { readonly isRestarted: boolean } {
  const { workflowExecution } = Context.current().info;
  if (!workflowExecution) throw new Error("this activity must be started by a workflow");
  const { workflowId } = workflowExecution;
  const runId = firstRunId ?? workflowExecution.runId;
  return { workflowId, runId, key: runKey(workflowId, runId), isRestarted: runId !== workflowExecution.runId };
}

/**
 * The cell id of one start attempt of the code. It derives from the run and the number of the attempt, so that all
 * activity attempts refer to the same cell.
 */
export const cellIdOf = (run: Run, attempt: number): string =>
  `kgents-${createHash("sha256").update(`${run.key}/${attempt}`).digest("hex").slice(0, 20)}`;

/** Refuses an input file that conflicts with the code's file. An identical copy of the code is allowed. */
function checkCodeFile({ code, files }: ExecutionSpec, fileName: string): void {
  if (code === undefined) return;
  const clash = files.find(
    ({ name, content }) => name.startsWith(`${fileName}/`) || (name === fileName && !isDeepStrictEqual(content, code)),
  );
  if (clash === undefined) return;
  const what = `files: got ${JSON.stringify(clash.name)}; allowed is no other ${fileName} than the code itself`;
  throw new KgentsError("invalid-request", what, {
    field: "files",
    remedy: "Give that file another name, or run it instead of the code: as the entrypoint.",
  });
}

/** A validated request, and what it means for a cell. */
export interface PlannedRun {
  readonly spec: ExecutionSpec;
  readonly cell: CellPlan;
  readonly program: Program;
}

/** A cell with packages. @param hash of the tree; null until it was prepared */
export const withEnvironment = (
  cell: CellPlan,
  ecosystem: Ecosystem,
  { packages: { maximumBytes } }: Pick<WorkerPolicy, "packages">,
  hash: string | null,
): CellPlan => ({ ...cell, shape: { ...cell.shape, environment: { ecosystem, maximumBytes, hash } } });

/** A cell with the packages that were prepared for it, if it has any. */
export const withPrepared = (
  cell: CellPlan,
  environment: CellInput["environment"],
  policy: Pick<WorkerPolicy, "packages">,
): CellPlan => (environment ? withEnvironment(cell, environment.ecosystem, policy, environment.hash) : cell);

/** Validates a request against the bounds, the languages and this worker's policy. */
export function planCell(
  dependencies: ActivityDependencies,
  request: unknown,
  cellId: string,
  { workflowId, runId }: Run,
): PlannedRun {
  const spec = lowerDefaults(parseRequest(request), request, dependencies.policy);
  const language = findLanguage(dependencies.languages, spec.language);
  applyPolicy(spec, dependencies.policy);
  checkCodeFile(spec, language.fileName);
  checkDisk(spec);
  const cell = { cellId, shape: shapeOf(spec, language), owner: { workflowId, runId } };
  return { spec, cell, program: programOf(spec, language) };
}
