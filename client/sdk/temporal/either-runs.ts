import { randomUUID } from "node:crypto";
import { HttpApiUnreachable, isPathPart } from "#platform/temporal/http-api";
import { problemOf } from "./problem.ts";
import type { RunInfo, RunReference, RunService } from "./run-service.ts";

/**
 * Runs by HTTP, as long as it answers; then by gRPC for good. gRPC retries, and can wait for a server that restarts.
 * Ids that cannot be a part of a path also go by gRPC.
 *
 * @param http fails with HttpApiUnreachable if there is no answer
 * @param openGrpc connects to the same server; called again after a failure
 */
export function eitherRuns(http: RunService, openGrpc: () => Promise<RunService>): RunService {
  let isLost = false;
  async function either<Answer>(
    workflowId: string,
    call: (service: RunService) => Promise<Answer>,
    again: (grpc: RunService) => Promise<Answer> = call,
  ): Promise<Answer> {
    if (isLost || !isPathPart(workflowId)) return call(await openGrpc());
    try {
      return await call(http);
    } catch (error) {
      if (!(error instanceof HttpApiUnreachable)) throw error;
      isLost = true;
      return again(await openGrpc());
    }
  }
  async function* list(query: string): AsyncGenerator<RunInfo> {
    const known = new Set<string>();
    for (const open of isLost ? [openGrpc] : [async () => http, openGrpc]) {
      try {
        for await (const run of (await open()).list(query)) {
          if (known.has(run.runId)) continue;
          known.add(run.runId);
          yield run;
        }
        return;
      } catch (error) {
        if (!(error instanceof HttpApiUnreachable)) throw error;
        isLost = true;
      }
    }
  }
  const of = ({ workflowId }: RunReference): string => workflowId;
  return {
    start: (start) => {
      const once = { requestId: randomUUID(), ...start };
      return either(
        start.workflowId,
        (service) => service.start(once),
        (grpc) => startAgain(grpc, once),
      );
    },
    describe: (run) => either(of(run), (service) => service.describe(run)),
    list,
    result: (run) => either(of(run), (service) => service.result(run)),
    cancel: (run) => either(of(run), (service) => service.cancel(run)),
    query: (run, name, milliseconds) => either(of(run), (service) => service.query(run, name, milliseconds)),
    input: (run) => either(of(run), (service) => service.input(run)),
    completed: (run, activityType) => either(of(run), (service) => service.completed(run, activityType)),
    queueState: (queue, milliseconds) => either(queue, (service) => service.queueState(queue, milliseconds)),
  };
}

/** Starts a workflow that a lost call may have started already. */
async function startAgain(
  grpc: RunService,
  start: Parameters<RunService["start"]>[0] & { readonly requestId: string },
): ReturnType<RunService["start"]> {
  try {
    return await grpc.start(start);
  } catch (error) {
    if (problemOf(error)?.kind !== "already-started") throw error;
    const { requestIds, firstRunId } = await grpc.describe({ workflowId: start.workflowId });
    if (!requestIds.includes(start.requestId)) throw error;
    return { runId: firstRunId };
  }
}
