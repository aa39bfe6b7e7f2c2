import { randomBytes } from "node:crypto";
import { aboutOf } from "#core/contract/about";
import { KgentsError } from "#core/contract/error";
import { aboutMemo, executeCodeWorkflow, isRunId, requestHashMemo } from "#core/contract/names";
import { validateRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import { requestHash } from "#core/contract/request-hash";
import { detailsOf, summaryOf } from "#core/text/request-details";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { type ExecutionHandle, executionHandle } from "./execution-handle.ts";
import { toKgentsError } from "./failure.ts";
import { offloadRequest } from "./offload.ts";
import { priorityOf } from "./priority.ts";
import { problemOf } from "./temporal/problem.ts";
import type { RunService } from "./temporal/run-service.ts";

/** Options of a start. */
export interface StartOptions {
  /**
   * The run's id and idempotency key. The same id with the same request attaches to the existing run.
   *
   * @default a new one, such as `exec-mhz3k1q2-4f9c2a7b10`
   */
  readonly id?: string | undefined;
  /**
   * The order among waiting runs: 1 is first, 5 is last. It does not affect running ones and is not part of the
   * request's identity.
   *
   * @default 3
   */
  readonly priority?: number | undefined;
  /** Aborts the start, even while the local stack comes up. It has no effect once the run is started. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The given id, or a new one: sortable by time and unique.
 *
 * @throws KgentsError `invalid-request`
 */
export function idOf(given: string | undefined, prefix: string): string {
  const id = given ?? `${prefix}-${Date.now().toString(36)}-${randomBytes(5).toString("hex")}`;
  if (isRunId(id)) return id;
  throw new KgentsError(
    "invalid-request",
    `id: got ${JSON.stringify(id)}; allowed are 1 to 200 letters, digits and . _ : / @ -, beginning with a letter or digit`,
    { field: "id" },
  );
}

/**
 * Starts a run, or attaches to the existing one with the same id.
 *
 * @throws KgentsError `invalid-request`, or `id-conflict` if the id belongs to another request
 */
export async function startExecution(
  service: RunService,
  taskQueue: string,
  store: ArtifactStore | undefined,
  request: ExecutionRequest,
  options: StartOptions,
): Promise<ExecutionHandle> {
  const spec = validateRequest(request);
  const priority = priorityOf(options.priority, spec.requester);
  const small = await offloadRequest(request, store);
  const id = idOf(options.id, "exec");
  const hash = await requestHash(spec);
  // If the request does not choose, use heartbeats only if the store is out of reach: they are then the only live
  // output.
  const live = request.live ?? (store ? "none" : "heartbeat");
  options.signal?.throwIfAborted();
  try {
    const { runId } = await service.start({
      workflowType: executeCodeWorkflow,
      workflowId: id,
      taskQueue,
      input: { ...small, live },
      priority,
      memo: { [requestHashMemo]: hash, [aboutMemo]: aboutOf(request) },
      summary: summaryOf(spec),
      details: detailsOf(spec),
    });
    const run = { workflowId: id, firstRunId: runId };
    return executionHandle(service, run, { runId, firstRunId: runId }, { attached: false, store });
  } catch (error) {
    if (problemOf(error)?.kind !== "already-started") throw toKgentsError(error, id);
    return attach(service, store, id, hash);
  }
}

async function attach(
  service: RunService,
  store: ArtifactStore | undefined,
  id: string,
  hash: string,
): Promise<ExecutionHandle> {
  const run = { workflowId: id };
  const description = await service.describe(run).catch((error) => {
    throw toKgentsError(error, id);
  });
  if (description.memo[requestHashMemo] !== hash) {
    throw new KgentsError("id-conflict", `id: ${id} belongs to a run of another request`, { field: "id" });
  }
  return executionHandle(service, run, description, { attached: true, store });
}
