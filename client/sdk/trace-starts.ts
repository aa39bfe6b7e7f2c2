import type { WorkflowClientInterceptor } from "@temporalio/client";
import { defaultPayloadConverter } from "@temporalio/common";
import { carrierOf, traceHeader } from "#core/telemetry/trace-context";
import type { Tracing } from "#platform/tracing/tracing";

/** Makes each start of a workflow a span, which goes with it in Temporal's headers. */
export const traceStarts = (tracing: Tracing): WorkflowClientInterceptor => ({
  startWithDetails: (input, next) => {
    const attributes = { temporalWorkflowID: input.options.workflowId };
    return tracing.client(`StartWorkflow:${input.workflowType}`, attributes, (span) =>
      next({
        ...input,
        headers: { ...input.headers, [traceHeader]: defaultPayloadConverter.toPayload(carrierOf(span)) },
      }),
    );
  },
});
