import { tooDeep } from "#core/contract/nesting";
import type { RunService } from "../temporal/run-service.ts";

/** The request that started a run, unvalidated; undefined if it is nested too deeply to be serialised. */
export async function readRequest(service: RunService, workflowId: string, runId: string): Promise<unknown> {
  const request = await service.input({ workflowId, runId });
  return tooDeep(request) ? undefined : request;
}
