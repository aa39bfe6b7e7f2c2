/**
 * Records rollouts of Agents as workflows, and follows them. The operator hands them over, and never waits: Temporal may
 * be away for as long as it likes.
 *
 * @module
 */
import { EventEmitter, once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { Client, WorkflowExecutionAlreadyStartedError } from "@temporalio/client";
import { Worker } from "@temporalio/worker";
import { createRolloutActivities } from "#activities/await-rollout";
import type { ClusterClient } from "#cells/kubernetes/api/cluster-client";
import { type Rollout, rollOutAgentWorkflow, rolloutId, rolloutTaskQueue, rolloutTitle } from "#core/agents/rollout";
import { messageOf } from "#core/text/message-of";
import type { Logger } from "#platform/host/logger";
import { packageFile } from "#platform/host/package-files";
import { callMilliseconds, connectWorker, type WorkerConnections } from "../connect.ts";
import { workflowSinks } from "../interceptors.ts";
import { installRuntime } from "../logging.ts";
import { watchAgents } from "./agent-view.ts";
import { pendingRollouts } from "./pending-rollouts.ts";

/** What the recorder needs. */
export interface RecorderSettings {
  /** The cluster of the Agents. */
  readonly client: ClusterClient;
  /** Undefined for all. */
  readonly namespaces: readonly string[] | undefined;
  readonly log: Logger;
  /** @default as the standard variables and profiles say */
  readonly address?: string | undefined;
  /** @default {@link rolloutTaskQueue} */
  readonly taskQueue?: string;
  /** @default the built one */
  readonly bundlePath?: string;
  /** Whether this process has installed Temporal's runtime already. @default false */
  readonly hasRuntime?: boolean;
}

/** Takes rollouts. */
export interface RolloutsRecorder {
  /** Takes a rollout. Returns at once and never throws. */
  readonly begin: (rollout: Rollout) => void;
  /** The number of rollouts that are not recorded yet. */
  readonly pending: () => number;
  /** Records what it can within some seconds, and ends. */
  readonly close: () => Promise<void>;
}

const firstPause = 1000;
const longestPause = 60_000;
/** How long the recorder may take to end, in milliseconds. */
const closeMilliseconds = 5000;

/** Starts the workflow of a rollout. Nothing happens if there is one. */
async function start(connections: WorkerConnections, taskQueue: string, rollout: Rollout): Promise<void> {
  const { client: connection, namespace } = connections;
  const client = new Client({ connection, namespace });
  try {
    await connection.withDeadline(Date.now() + callMilliseconds, () =>
      client.workflow.start(rollOutAgentWorkflow, {
        workflowId: rolloutId(rollout),
        taskQueue,
        args: [rollout],
        workflowIdReusePolicy: "REJECT_DUPLICATE",
        staticSummary: rolloutTitle(rollout),
      }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

const createWorker = (
  { native, namespace }: WorkerConnections,
  { client, namespaces, log, taskQueue = rolloutTaskQueue, bundlePath }: RecorderSettings,
) => {
  const view = watchAgents(client, namespaces, (line) => log.warn(line));
  const worker = Worker.create({
    connection: native,
    namespace,
    taskQueue,
    activities: createRolloutActivities(view),
    workflowBundle: { codePath: bundlePath ?? packageFile("dist/worker/workflow-bundle.js") },
    sinks: workflowSinks(undefined),
    // A rollout waits, and computes nothing.
    maxConcurrentActivityTaskExecutions: 2000,
    maxCachedWorkflows: 100,
    workflowTaskPollerBehavior: { type: "simple-maximum", maximum: 2 },
    activityTaskPollerBehavior: { type: "simple-maximum", maximum: 2 },
    // Another operator goes on with what this one awaits.
    shutdownGraceTime: 0,
    shutdownForceTime: closeMilliseconds,
  });
  return { view, worker };
};

/** Starts to connect in the background, and returns at once. */
export function recordRollouts(settings: RecorderSettings): RolloutsRecorder {
  const { log, taskQueue = rolloutTaskQueue } = settings;
  const given = new EventEmitter<{ rollout: [] }>();
  const pending = pendingRollouts((rollout) =>
    log.warn({ rollout: rolloutId(rollout) }, "too many rollouts wait to be recorded: the oldest is given up"),
  );
  const closing = new AbortController();
  const over = new AbortController();
  let isSilent = false;
  const failed = (error: unknown): void => {
    if (!isSilent) log.warn({ error: messageOf(error) }, "rollouts cannot be recorded now; tried again until they can");
    isSilent = true;
  };
  const works = (): void => {
    if (isSilent) log.info("rollouts are recorded again");
    isSilent = false;
  };

  /** Records rollouts as they come, until one cannot be, or the recorder is closed and none is left. */
  const recordAll = async (connections: WorkerConnections, stopped: AbortSignal): Promise<void> => {
    while (!stopped.aborted) {
      const rollout = pending.first();
      if (rollout !== undefined) {
        await start(connections, taskQueue, rollout);
        pending.remove(rollout);
        works();
      } else if (closing.signal.aborted) return;
      else await once(given, "rollout", { signal: AbortSignal.any([closing.signal, stopped]) }).catch(() => {});
    }
  };

  /** Serves one connection. Throws what ends it. */
  const serve = async (): Promise<void> => {
    const connections = await connectWorker(settings.address);
    const ended = new AbortController();
    const { view, worker: creating } = createWorker(connections, settings);
    try {
      const worker = await creating;
      const running = worker.run().finally(() => ended.abort());
      running.catch(() => {});
      try {
        await recordAll(connections, AbortSignal.any([ended.signal, over.signal]));
      } finally {
        if (worker.getState() === "RUNNING") worker.shutdown();
        await running;
      }
    } finally {
      await view.close();
      await connections.client.close().catch(() => {});
      await connections.native.close().catch(() => {});
    }
  };

  const run = async (): Promise<void> => {
    if (settings.hasRuntime !== true) installRuntime(log, undefined);
    let pause = firstPause;
    while (!closing.signal.aborted) {
      const begun = Date.now();
      await serve().catch(failed);
      if (Date.now() - begun > longestPause) pause = firstPause;
      await wait(pause, undefined, { signal: closing.signal }).catch(() => {});
      pause = Math.min(2 * pause, longestPause);
    }
  };
  const running = run();
  running.catch(failed);

  return {
    begin: (rollout) => {
      pending.add(rollout);
      given.emit("rollout");
    },
    pending: pending.size,
    close: async () => {
      closing.abort();
      const late = setTimeout(() => over.abort(), closeMilliseconds);
      const limit = wait(2 * closeMilliseconds, undefined, { ref: false });
      await Promise.race([running.catch(() => {}), limit]);
      clearTimeout(late);
      if (pending.size() > 0) log.warn({ rollouts: pending.size() }, "rollouts were not recorded");
    },
  };
}
