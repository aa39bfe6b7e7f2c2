import type { WorkflowClientInterceptor } from "@temporalio/client";
import { defaultPayloadConverter } from "@temporalio/common";
import { carrierOf, traceHeader } from "#core/telemetry/trace-context";
import type { Tracing } from "#platform/tracing/tracing";

/** Records a span for each workflow start. Temporal's headers pass it on. */
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
