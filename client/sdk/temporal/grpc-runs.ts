/**
 * Runs by gRPC, with the SDK's client.
 *
 * @module
 */
import type { Client, WorkflowExecutionInfo, WorkflowHandle } from "@temporalio/client";
import { queueStateOn } from "#platform/temporal/pollers";
import { toMilliseconds } from "#platform/temporal/protobuf-time";
import { tolerantClient } from "#platform/temporal/tolerant-client";
import { decodeFirst } from "./decode-first.ts";
import type {
  CompletedActivity,
  PendingActivity,
  RunDescription,
  RunInfo,
  RunReference,
  RunService,
} from "./run-service.ts";

type Raw = Awaited<ReturnType<WorkflowHandle["describe"]>>["raw"];
type RawActivity = NonNullable<Raw["pendingActivities"]>[number];
type RawTime = Parameters<typeof toMilliseconds>[0];

const dateOf = (time: RawTime): Date | undefined => (time ? new Date(toMilliseconds(time)) : undefined);

const infoOf = (info: Omit<WorkflowExecutionInfo, "raw">): RunInfo => ({
  workflowId: info.workflowId,
  runId: info.runId,
  type: info.type,
  taskQueue: info.taskQueue,
  status: info.status.name,
  startTime: info.startTime,
  closeTime: info.closeTime,
  memo: info.memo ?? {},
  searchAttributes: info.searchAttributes,
});

const activityOf = async (client: Client, activity: RawActivity): Promise<PendingActivity> => ({
  type: activity.activityType?.name ?? "",
  taskQueue: activity.activityOptions?.taskQueue?.name ?? undefined,
  startedAt: dateOf(activity.lastStartedTime),
  heartbeat: await decodeFirst(client.workflow, activity.heartbeatDetails),
});

async function describe(client: Client, { workflowId, runId }: RunReference): Promise<RunDescription> {
  const { raw, ...info } = await client.workflow.getHandle(workflowId, runId).describe();
  return {
    ...infoOf(info),
    firstRunId: raw.workflowExecutionInfo?.firstRunId || info.runId,
    pendingActivities: await Promise.all((raw.pendingActivities ?? []).map((activity) => activityOf(client, activity))),
    requestIds: Object.keys(raw.workflowExtendedInfo?.requestIdInfos ?? {}),
  };
}

async function* list(client: Client, query: string): AsyncGenerator<RunInfo> {
  for await (const info of client.workflow.list({ query })) yield infoOf(info);
}

async function readInput(client: Client, { workflowId, runId }: RunReference): Promise<unknown> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, ...(runId === undefined ? {} : { runId }) },
    maximumPageSize: 1,
  });
  return decodeFirst(client.workflow, history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input);
}

async function readCompleted(
  client: Client,
  { workflowId, runId }: RunReference,
  activityType: string,
): Promise<CompletedActivity[]> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const ofType = new Set<string>();
  const found: CompletedActivity[] = [];
  for (const event of events ?? []) {
    const { activityTaskScheduledEventAttributes: scheduled, activityTaskCompletedEventAttributes: completed } = event;
    if (scheduled?.activityType?.name === activityType) ofType.add(String(event.eventId));
    if (!completed || !ofType.has(String(completed.scheduledEventId))) continue;
    found.push({
      completedAt: dateOf(event.eventTime),
      result: await decodeFirst(client.workflow, completed.result),
    });
  }
  return found;
}

/** Runs on the server of a client. */
export function grpcRuns(client: Client): RunService {
  // Any program can start workflows, so values that cannot be decoded must not break a list or a cancellation.
  const tolerant = tolerantClient(client);
  const handleOf = ({ workflowId, runId, firstRunId }: RunReference): WorkflowHandle =>
    tolerant.workflow.getHandle(workflowId, runId, firstRunId === undefined ? {} : { firstExecutionRunId: firstRunId });
  return {
    start: async ({ workflowType, input, memo, summary, details, requestId: _, ...options }) => {
      const handle = await client.workflow.start(workflowType, {
        ...options,
        args: [input],
        memo: { ...memo },
        workflowIdReusePolicy: "REJECT_DUPLICATE",
        workflowIdConflictPolicy: "FAIL",
        staticSummary: summary,
        ...(details === undefined ? {} : { staticDetails: details }),
      });
      return { runId: handle.firstExecutionRunId };
    },
    describe: (run) => describe(tolerant, run),
    list: (query) => list(tolerant, query),
    result: (run) => handleOf(run).result(),
    cancel: async (run) => {
      await handleOf(run).cancel();
    },
    query: (run, name, milliseconds) => {
      const ask = (): Promise<unknown> => handleOf(run).query(name);
      return milliseconds === undefined ? ask() : tolerant.withDeadline(Date.now() + milliseconds, ask);
    },
    input: (run) => readInput(tolerant, run),
    completed: (run, activityType) => readCompleted(tolerant, run, activityType),
    queueState: (taskQueue, milliseconds) =>
      queueStateOn(client.connection, client.options.namespace, taskQueue, milliseconds),
  };
}
