/**
 * What is read of runs by HTTP.
 *
 * @module
 */
import type { HttpCalls } from "./http-calls.ts";
import {
  dateOf,
  firstOf,
  type HttpDescription,
  type HttpEvent,
  type HttpExecutionInfo,
  infoOf,
} from "./http-messages.ts";
import type { CompletedActivity, RunDescription, RunInfo, RunReference } from "./run-service.ts";

/** How many runs to list at once. */
const pageSize = "100";

/** Describes a workflow. */
export async function describeBy({ get }: HttpCalls, { workflowId, runId }: RunReference): Promise<RunDescription> {
  const query = { "execution.runId": runId };
  const answer = await get<HttpDescription>(["workflows", workflowId], { query });
  const info = infoOf(answer.workflowExecutionInfo ?? {});
  return {
    ...info,
    firstRunId: answer.workflowExecutionInfo?.firstRunId || info.runId,
    pendingActivities: (answer.pendingActivities ?? []).map((activity) => ({
      type: activity.activityType?.name ?? "",
      taskQueue: activity.activityOptions?.taskQueue?.name,
      startedAt: dateOf(activity.lastStartedTime),
      heartbeat: firstOf(activity.heartbeatDetails),
    })),
    requestIds: Object.keys(answer.workflowExtendedInfo?.requestIdInfos ?? {}),
  };
}

/** Lists workflows, page by page. */
export async function* listBy({ get }: HttpCalls, query: string): AsyncGenerator<RunInfo> {
  let nextPageToken: string | undefined;
  do {
    const page = { query: { query, pageSize, nextPageToken } };
    const answer = await get<{ executions?: HttpExecutionInfo[]; nextPageToken?: string }>(["workflows"], page);
    yield* (answer.executions ?? []).map(infoOf);
    nextPageToken = answer.nextPageToken;
  } while (nextPageToken);
}

/** All events of an execution. */
async function readEvents({ history }: HttpCalls, run: RunReference): Promise<HttpEvent[]> {
  const events: HttpEvent[] = [];
  let nextPageToken: string | undefined;
  do {
    const page = await history(run, { query: { nextPageToken } });
    events.push(...(page.history?.events ?? []));
    nextPageToken = page.nextPageToken;
  } while (nextPageToken);
  return events;
}

/** The first argument of an execution. */
export async function inputBy({ history }: HttpCalls, run: RunReference): Promise<unknown> {
  const { history: page } = await history(run, { query: { maximumPageSize: "1" } });
  return firstOf(page?.events?.[0]?.workflowExecutionStartedEventAttributes?.input);
}

/** The completed activities of a type. */
export async function completedBy(
  calls: HttpCalls,
  run: RunReference,
  activityType: string,
): Promise<CompletedActivity[]> {
  const events = await readEvents(calls, run);
  const ofType = new Set(
    events
      .filter(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === activityType)
      .map(({ eventId }) => eventId),
  );
  return events.flatMap(({ eventTime, activityTaskCompletedEventAttributes: completed }) =>
    completed && ofType.has(completed.scheduledEventId)
      ? [{ completedAt: dateOf(eventTime), result: firstOf(completed.result) }]
      : [],
  );
}
