import {
  CancellationScope,
  defineQuery,
  isCancellation,
  log,
  ParentClosePolicy,
  setHandler,
  startChild,
  workflowInfo,
} from "@temporalio/workflow";
import type { CellInput, ExecuteOutput, ProvisionedCell, SalvageInput } from "#activities/contract";
import type { ResultLimits } from "#core/contract/batch";
import { type Phase, phaseQuery } from "#core/contract/names";
import type { ExecutionResult } from "#core/contract/result";
import { faultInDepth, faultInLimits } from "#core/contract/workflow-inputs";
import type { Environment } from "#core/packages/environment";
import { type CellEnd, executeInCell } from "./execute-in-cell.ts";
import { failureOf, refuse, toWorkflowFailure } from "./failure.ts";
import { noRoomFor, provisionWithFallback, refusalPauses } from "./find-place.ts";
import { executing, salvaging } from "./phases.ts";
import { prepareInCell } from "./prepare-in-cell.ts";
import { fieldsOf } from "./raw-request.ts";
import { reapCell } from "./reap-cell.ts";
import { removeCell } from "./remove-cell.ts";
import { reported } from "./reported-environment.ts";
import { composeResult, emptyOutput } from "./result.ts";
import { countFailure, countResult } from "./run-metrics.ts";
import { tell, tellFailure, tellResult } from "./ui-details.ts";

/** The number of workers lost before the code starts at which the run fails. Until then, a new cell is provisioned. */
const maximumLosses = 3;

/** A cell and the output of the code in it. */
interface Attempt {
  readonly number: number;
  /** Null if the run was reset and no cell was created. */
  readonly cell: ProvisionedCell | null;
  readonly output: ExecuteOutput;
  /** Its packages; missing if it asks for none. */
  readonly environment?: Environment | undefined;
}

/**
 * One run, from request to clean-up.
 *
 * Completes with a result for every outcome of the code. Fails only if the run could not be carried out; the failure's
 * type is the kind.
 *
 * @param limits set by batches, because the result is copied into their history; not part of the contract with other
 *   SDKs
 * @param request see `kgents schema request` and docs/schema; defaults are applied and bounds checked here
 */
export async function executeCode(request: unknown, limits?: ResultLimits): Promise<ExecutionResult> {
  let phase: Phase = "provisioning";
  setHandler(defineQuery<Phase>(phaseQuery), () => phase);
  const enter = (next: Phase, cell?: ProvisionedCell): void => {
    phase = next;
    tell(next, request, cell);
  };
  let attempt = 0;
  let last: Attempt | undefined;
  let provisioned: Date | undefined;
  let newest: ProvisionedCell | undefined;
  try {
    refuse(faultInDepth("request", request) ?? faultInLimits(limits));
    do {
      attempt += 1;
      last = await runOnce(request, limits, attempt, enter, (cell) => {
        provisioned ??= new Date();
        newest = cell;
        return cell;
      });
    } while (last.cell && attempt < last.cell.maximumAttempts && mayHelpToRetry(last.output));
  } catch (error) {
    if (!isCancellation(error)) {
      phase = "done";
      const failure = toWorkflowFailure(error);
      tellFailure(failure, request, newest);
      countFailure(failure, newest);
      throw failure;
    }
    // Cancelled before the code was started, or before it was started again.
    last = last && {
      ...last,
      output: { ...last.output, status: "cancelled", reason: "the run was cancelled" },
    };
  }
  phase = "done";
  const result = composeResult({
    cell: last?.cell ?? null,
    output: last?.output ?? emptyOutput("cancelled", "the run was cancelled before the code was started"),
    environment: last?.environment && reported(last.environment, limits),
    attempts: last?.number ?? 0,
    provisioned: provisioned ?? null,
    language: last?.cell?.language ?? fieldsOf(request).language ?? "python",
  });
  const cell = last?.cell ?? undefined;
  tellResult(result, request, cell);
  countResult(result, cell);
  const { status, exitCode, language, backend, attempts } = result;
  log.info("the run is over", { status, exitCode, language, backend, attempts });
  return result;
}

const mayHelpToRetry = (output: ExecuteOutput): boolean =>
  output.status !== "succeeded" && output.status !== "cancelled";

/** One attempt at the code: provision, execute, clean up. Repeats these while the code was certainly not started. */
async function runOnce(
  request: unknown,
  limits: ResultLimits | undefined,
  attempt: number,
  enter: (phase: Phase, cell?: ProvisionedCell) => void,
  onProvisioned: (cell: ProvisionedCell) => ProvisionedCell,
): Promise<Attempt> {
  const first = firstExecution();
  const pause = refusalPauses();
  let noRoom: string | undefined;
  let losses = 0;
  for (;;) {
    if (noRoom !== undefined) await pause(noRoom);
    enter("provisioning");
    const provisioned = await provisionWithFallback({ request, attempt, ...first });
    if ("restarted" in provisioned) {
      const input = { attempt, cellId: provisioned.cellId, ...(limits && { limits }), ...first };
      const left = await whatIsLeft(provisioned, input, "lost");
      return { number: attempt, cell: null, output: { ...left, reason: resetReason } };
    }
    const cell = onProvisioned(provisioned);
    const { cellId, backend, taskQueue } = cell;
    const input = { request, attempt, cellId, backend, taskQueue, ...(limits && { limits }), ...first };
    let hostAnswers = true;
    let reapable = false;
    try {
      const { environment, end } = await carryOut(cell, input, () => enter("executing", cell));
      if ("failed" in end) throw end.failed;
      if ("output" in end) {
        reapable = isReapable(cell, end.output);
        return { number: attempt, cell, output: end.output, environment };
      }
      if ("unknown" in end) {
        hostAnswers = end.hostAnswers;
        return { number: attempt, cell, output: await whatIsLeft(cell, input, end.unknown), environment };
      }
      if ("noRoom" in end) {
        if (!end.certainlyNotStarted) throw noRoomFor(end.noRoom);
        noRoom = end.noRoom;
        log.warn("the cluster had no room for the cell's pod; the run waits again", { cellId, full: noRoom });
        continue;
      }
      hostAnswers = false;
      losses += 1;
      if (losses >= maximumLosses) {
        throw failureOf("worker-lost", `${losses} times a worker prepared a cell and then went away`);
      }
      log.warn("no worker took the cell's host queue; provisioning anew", { cellId: cell.cellId });
    } finally {
      enter("cleaning-up", cell);
      if (reapable) await reapLater(cell, attempt);
      else if (hostAnswers) await removeCell(cell, attempt);
    }
  }
}

/** Installs the packages of a run if it asks for any, and runs the code in its cell. */
async function carryOut(
  cell: ProvisionedCell,
  input: CellInput,
  onExecute: () => void,
): Promise<{ readonly environment?: Environment; readonly end: CellEnd<ExecuteOutput> }> {
  if (cell.packages === undefined) {
    onExecute();
    return { end: await executeInCell(cell, (place) => executing(cell, place).execute(input)) };
  }
  const prepared = await prepareInCell(cell, input);
  if (!("environment" in prepared)) return { end: prepared };
  onExecute();
  const { environment } = prepared;
  const { ecosystem, hash } = environment;
  const whole = { ...input, environment: { ecosystem, hash } };
  return { environment, end: await executeInCell(cell, (place) => executing(cell, place).execute(whole)) };
}

const resetReason =
  "the run was reset, and its code may have been started before: it is not started again; start a new run, such as by kgents rerun";

/**
 * The id of the run's first execution. A Reset does not change it. Cell ids derive from it, so that a reset execution
 * refers to the same cells. An execution started by a cron or a retry policy is a separate run, but has the first
 * execution's id too, so nothing is returned for it.
 */
function firstExecution(): Pick<CellInput, "firstRunId"> {
  const { firstExecutionRunId, continuedFromExecutionRunId } = workflowInfo();
  return continuedFromExecutionRunId === undefined ? { firstRunId: firstExecutionRunId } : {};
}

/** The output in the store of code whose end was not observed. */
async function whatIsLeft(
  cell: Pick<ProvisionedCell, "cellId">,
  input: SalvageInput,
  status: "cancelled" | "lost",
): Promise<ExecuteOutput> {
  const output = await CancellationScope.nonCancellable(() => salvaging(cell).salvage(input)).catch((error) => {
    log.warn("the output so far could not be read", { cellId: cell.cellId, error: String(error) });
    return emptyOutput("lost", "the worker that ran the code went away, and its output cannot be read");
  });
  return status === "lost" ? output : { ...output, status, reason: `the run was cancelled; ${output.reason}` };
}

/** Whether a finished cell is kept as a Job until its TTL: only on Kubernetes, and not if cancelled or lost. */
const isReapable = (cell: ProvisionedCell, { status }: ExecuteOutput): boolean =>
  cell.backend === "kubernetes" && status !== "cancelled" && status !== "lost";

/**
 * Starts a child workflow that removes the finished cell after its TTL, so that the caller need not wait. Removes it
 * now if that fails.
 */
async function reapLater(cell: ProvisionedCell, attempt: number): Promise<void> {
  const { cellId, backend, ttlMilliseconds, requester } = cell;
  try {
    await CancellationScope.nonCancellable(() =>
      startChild(reapCell, {
        args: [{ cellId, backend, ttlMilliseconds, requester }],
        workflowId: `reap-${cellId}`,
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `end of the cell ${cellId}, and removal of its Job ${ttlMilliseconds / 1000} s later`,
      }),
    );
  } catch (error) {
    log.warn("the workflow that removes the finished cell later could not be started; the cell is removed now", {
      cellId,
      error: String(error),
    });
    await removeCell(cell, attempt);
  }
}
