/**
 * Interceptors of every workflow: they add the requester to log lines, and pass the trace context on to activities and
 * child workflows.
 *
 * @module
 */
import { defaultPayloadConverter, type Headers } from "@temporalio/common";
import { proxySinks, type Sinks, type WorkflowInterceptorsFactory, workflowInfo } from "@temporalio/workflow";
import { unknownRequester } from "#core/contract/names";
import { carrierWithin, type TraceCarrier, textOf, traceHeader } from "#core/telemetry/trace-context";
import { fieldsOf } from "./raw-request.ts";
import { type TraceEnd, traceEndOf } from "./trace-end.ts";

/** Reports the end of a workflow, to be recorded as a span. Called once, and not during replay. */
export interface TraceSinks extends Sinks {
  readonly kgentsTraces: {
    readonly ended: (end: TraceEnd & { carrier: unknown; at: number }) => void;
  };
}

const { kgentsTraces } = proxySinks<TraceSinks>();

const statusOf = (result: unknown): string | null =>
  typeof result === "object" && result !== null && "status" in result ? String(result.status) : null;

/** Creates the interceptors of one workflow execution. */
export const interceptors: WorkflowInterceptorsFactory = () => {
  let requester = unknownRequester;
  let carrier: unknown;
  let onward: TraceCarrier | undefined;
  const withTrace = <Input extends { readonly headers: Headers }>(input: Input): Input =>
    onward === undefined
      ? input
      : { ...input, headers: { ...input.headers, [traceHeader]: defaultPayloadConverter.toPayload(onward) } };
  return {
    inbound: [
      {
        execute: async (input, next) => {
          requester = fieldsOf(input.args[0]).requester ?? unknownRequester;
          const header = input.headers[traceHeader];
          carrier = header && textOf(defaultPayloadConverter.fromPayload(header));
          onward = carrierWithin(carrier, workflowInfo().runId);
          try {
            const result = await next(input);
            kgentsTraces.ended({ carrier, at: Date.now(), status: statusOf(result), error: null });
            return result;
          } catch (error) {
            kgentsTraces.ended({ carrier, at: Date.now(), ...traceEndOf(error) });
            throw error;
          }
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next(withTrace(input)),
        startChildWorkflowExecution: (input, next) => next(withTrace(input)),
        getLogAttributes: (attributes, next) => next({ ...attributes, requester }),
      },
    ],
  };
};
