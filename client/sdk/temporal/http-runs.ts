/**
 * Runs by the HTTP API of our own local server.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { HttpApi } from "#platform/temporal/http-api";
import { httpCalls, longPollMilliseconds } from "./http-calls.ts";
import { firstOf, type HttpPayloads } from "./http-messages.ts";
import { queueStateBy } from "./http-queue.ts";
import { completedBy, describeBy, inputBy, listBy } from "./http-reads.ts";
import { awaitEnd } from "./http-result.ts";
import { identity, startBody } from "./http-start.ts";
import type { RunReference, RunService } from "./run-service.ts";

const reference = (workflowId: string, runId: string | undefined): RunReference =>
  runId === undefined ? { workflowId } : { workflowId, runId };

/** Runs in a namespace of a server's HTTP API. Fails with HttpApiUnreachable if there is no answer of the API. */
export function httpRuns(api: HttpApi, namespace: string): RunService {
  const calls = httpCalls(api, namespace);
  return {
    start: async (start) => {
      const { runId } = await calls.post<{ runId: string }>(["workflows", start.workflowId], {
        body: startBody(start),
      });
      return { runId };
    },
    describe: (run) => describeBy(calls, run),
    list: (query) => listBy(calls, query),
    result: ({ workflowId, runId, firstRunId }) => {
      const end = { waitNewEvent: "true", historyEventFilterType: "HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT" };
      return awaitEnd(
        (id, nextPageToken) =>
          calls.history(reference(workflowId, id), {
            query: { ...end, nextPageToken },
            milliseconds: longPollMilliseconds,
          }),
        runId ?? firstRunId,
      );
    },
    cancel: async ({ workflowId, runId, firstRunId }) => {
      const workflowExecution = runId === undefined ? {} : { workflowExecution: { runId } };
      const chain = firstRunId === undefined ? {} : { firstExecutionRunId: firstRunId };
      await calls.post(["workflows", workflowId, "cancel"], {
        body: { requestId: randomUUID(), identity: identity(), ...workflowExecution, ...chain },
      });
    },
    query: async ({ workflowId, runId }, name, milliseconds = longPollMilliseconds) => {
      const answer = await calls.post<{ queryResult?: HttpPayloads }>(["workflows", workflowId, "query", name], {
        body: { ...(runId === undefined ? {} : { execution: { runId } }), query: { queryArgs: {}, header: {} } },
        milliseconds,
      });
      return firstOf(answer.queryResult);
    },
    input: (run) => inputBy(calls, run),
    completed: (run, activityType) => completedBy(calls, run, activityType),
    queueState: queueStateBy(api, calls),
  };
}
