import { defaultPayloadConverter } from "@temporalio/common";
import type { ActivityInterceptorsFactory, InjectedSinks } from "@temporalio/worker";
import { unknownRequester } from "#core/contract/names";
import { traceHeader } from "#core/telemetry/trace-context";
import type { Tracing } from "#platform/tracing/tracing";
import type { TraceSinks } from "#workflows/interceptors";

/** Who asked, as the input of an activity says: in the request, or beside the cell. */
function requesterOf(input: unknown): string {
  const { request, requester }: { request?: unknown; requester?: unknown } =
    typeof input === "object" && input !== null ? input : {};
  if (request !== undefined) return requesterOf(request);
  return typeof requester === "string" ? requester : unknownRequester;
}

/** What spans of a run are found by; the names are those of Temporal's own interceptors. */
const runAttributes = (workflowId: string, runId: string) => ({ temporalWorkflowID: workflowId, temporalRunID: runId });

/** Around every activity: its log lines say whose run it is, and where traces are on it is a span of the run's. */
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

/** Where workflows say that they have ended. */
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
