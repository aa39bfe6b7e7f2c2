import type { WorkflowClient } from "@temporalio/client";
import type { LoadedDataConverter, Payload } from "@temporalio/common";
import { tooDeep } from "#core/contract/nesting";

type Payloads = { readonly payloads?: Payload[] | null } | null | undefined;

/**
 * Decodes the first payload of an event or heartbeat with the client's own data converter, because payloads may be
 * encrypted. Undefined if there is none.
 */
export async function decodeFirst(
  client: { readonly options: { readonly loadedDataConverter: LoadedDataConverter } },
  payloads: Payloads,
): Promise<unknown> {
  const { payloadConverter, payloadCodecs } = client.options.loadedDataConverter;
  let encoded = payloads?.payloads ?? [];
  if (encoded.length === 0) return undefined;
  for (const codec of payloadCodecs.toReversed()) encoded = await codec.decode(encoded);
  const [first] = encoded;
  return first && payloadConverter.fromPayload(first);
}

/** The request that started a run, unvalidated; undefined if it is nested too deeply to be serialised. */
export async function readRequest(client: WorkflowClient, workflowId: string, runId: string): Promise<unknown> {
  const { namespace } = client.options;
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const request = await decodeFirst(client, history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input);
  return tooDeep(request) ? undefined : request;
}
