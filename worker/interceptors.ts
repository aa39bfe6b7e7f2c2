import { defaultPayloadConverter } from "@temporalio/common";
import type { ActivityInterceptorsFactory, InjectedSinks } from "@temporalio/worker";
import { unknownRequester } from "#core/contract/names";
import { traceHeader } from "#core/telemetry/trace-context";
import type { Tracing } from "#platform/tracing/tracing";
import type { TraceSinks } from "#workflows/interceptors";

/** The requester in an activity's input: in the request, or beside the cell. */
function requesterOf(input: unknown): string {
  const { request, requester }: { request?: unknown; requester?: unknown } =
    typeof input === "object" && input !== null ? input : {};
  if (request !== undefined) return requesterOf(request);
  return typeof requester === "string" ? requester : unknownRequester;
}

/** Attributes to find the spans of a run by, with the names of Temporal's own interceptors. */
const runAttributes = (workflowId: string, runId: string) => ({ temporalWorkflowID: workflowId, temporalRunID: runId });

/**
 * Adds the run's id and requester to an activity's log lines. With tracing it also records a span in the run's trace.
 */
export const activityInterceptors =
  (tracing: Tracing | undefined): ActivityInterceptorsFactory =>
  ({ info: { workflowExecution, activityType, activityId, attempt } }) => {
    let requester = unknownRequester;
    return {
      inbound: {
        execute: async (input, next) => {
          requester = requesterOf(input.args[0]);
          if (!tracing || !workflowExecution) return next(input);
          const { workflowId, runId } = workflowExecution;
          const header = input.headers[traceHeader];
          const carrier: unknown = header && defaultPayloadConverter.fromPayload(header);
          return tracing.activity(
            `RunActivity:${activityType}`,
            { runId, carrier },
            { ...runAttributes(workflowId, runId), temporalActivityID: activityId, temporalActivityAttempt: attempt },
            () => next(input),
          );
        },
      },
      outbound: {
        getLogAttributes: (attributes, next) =>
          next({ ...attributes, ...(workflowExecution && { runId: workflowExecution.runId, requester }) }),
      },
    };
  };

/** The sinks through which workflows report their end. */
export const workflowSinks = (tracing: Tracing | undefined): InjectedSinks<TraceSinks> => ({
  kgentsTraces: {
    ended: {
      fn: ({ workflowId, runId, workflowType, startTime }, { carrier, at, status, error }) =>
        tracing?.workflow(
          `RunWorkflow:${workflowType}`,
          { runId, carrier },
          { ...runAttributes(workflowId, runId), ...(status === null ? {} : { "kgents.status": status }) },
          { from: startTime, to: new Date(at), error },
        ),
      callDuringReplay: false,
    },
  },
});
