import { type Client, isGrpcServiceError, ServiceError, WorkflowNotFoundError } from "@temporalio/client";
import type { AskRun, OpenRuns, RunOpenState } from "#activities/dependencies";
import { tolerantClient } from "#platform/temporal/tolerant-client";
import { quoted } from "#platform/temporal/visibility-query";

/** Deadline for a request about a run, in milliseconds. If the server is unavailable, the next round retries. */
const askMilliseconds = 5000;

/** Whether an error means that the server is unavailable. Any other error is a defect. */
const isAway = (error: unknown): boolean => error instanceof ServiceError && isGrpcServiceError(error.cause);

/**
 * Reports whether a run is open. A run that was reset continues in a newer execution and is open as long as that is.
 *
 * @returns a function of the workflow id and the id of the run's first execution
 */
export const askTemporal = (strict: Client): AskRun => {
  // Payloads are not needed here, and a run with undecodable payloads must not end a sweep.
  const client = tolerantClient(strict);
  const describe = async (workflowId: string, runId?: string) => {
    try {
      return await client.withDeadline(Date.now() + askMilliseconds, () =>
        client.workflow.getHandle(workflowId, runId).describe(),
      );
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  };
  type Description = Awaited<ReturnType<typeof describe>>;
  const stateOf = (description: Description): RunOpenState => {
    if (!description) return { open: false, closedAt: null };
    const { status, closeTime } = description;
    if (status.name === "RUNNING" || status.name === "PAUSED") return { open: true };
    return { open: false, closedAt: closeTime ?? null };
  };
  return async (workflowId, runId) => {
    try {
      const first = stateOf(await describe(workflowId, runId));
      if (first?.open) return first;
      const newest = await describe(workflowId);
      return newest?.raw.workflowExecutionInfo?.firstRunId === runId ? stateOf(newest) : first;
    } catch (error) {
      if (isAway(error)) return undefined;
      throw error;
    }
  };
};

/** Finds the open executions of some workflows, in one visibility query. */
export const openRunsOf = (strict: Client): OpenRuns => {
  const client = tolerantClient(strict);
  return async (workflowIds) => {
    const query = `ExecutionStatus = 'Running' AND WorkflowId IN (${workflowIds.map(quoted).join(", ")})`;
    const open = new Set<string>();
    try {
      await client.withDeadline(Date.now() + askMilliseconds, async () => {
        for await (const { runId } of client.workflow.list({ query })) open.add(runId);
      });
      return open;
    } catch (error) {
      if (isAway(error)) return undefined;
      throw error;
    }
  };
};
