import type { WorkflowClient } from "@temporalio/client";
import { decodeFromPayloadsAtIndex } from "@temporalio/common/lib/internal-non-workflow/index.js";

type Payloads = { readonly payloads?: Parameters<typeof decodeFromPayloadsAtIndex>[2] } | null | undefined;

/** Decodes the first value of what an event carries. */
export const decodeFirst = (client: WorkflowClient, payloads: Payloads): Promise<unknown> =>
  decodeFromPayloadsAtIndex(client.options.loadedDataConverter, 0, payloads?.payloads);

/** The request with which a run was started, as it came. */
export async function readRequest(client: WorkflowClient, workflowId: string, runId: string): Promise<unknown> {
  const { namespace } = client.options;
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  return decodeFirst(client, history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input);
}
