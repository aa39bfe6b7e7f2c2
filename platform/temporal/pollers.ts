/**
 * Which workers serve a task queue.
 *
 * Temporal lists a poller for five minutes after its last poll, so the list alone is not enough. A poller of this
 * machine must be a running process, and any other must have polled recently.
 *
 * @module
 */
import { hostname } from "node:os";
import type { ConnectionLike } from "@temporalio/client";
import { hostLabel, processOfIdentity } from "#core/contract/names";
import { isRunning } from "../host/process-identity.ts";
import type { TemporalTarget } from "./address.ts";
import { toMilliseconds } from "./protobuf-time.ts";
import { versionedMode, workflowTaskQueueType } from "./temporal-enums.ts";
import { temporalUnavailable } from "./temporal-unavailable.ts";

/** A worker that polls a task queue. */
export interface QueuePoller {
  readonly identity: string;
  /** When it last polled, in ISO 8601. */
  readonly lastAccess: string;
}

/** A Temporal server's version, and the workers of a queue. */
export interface QueueState {
  readonly serverVersion: string;
  /** The pollers that get new runs. */
  readonly pollers: readonly QueuePoller[];
  /** Versions whose workers poll but get no new runs, because their deployment has another current version or none. */
  readonly passiveVersions: readonly string[];
}

type Version = { readonly deploymentName?: string | null; readonly buildId?: string | null } | null | undefined;

const versionName = (version: Version): string | undefined =>
  version?.buildId ? `${version.deploymentName}:${version.buildId}` : undefined;

/** A poll lasts at most a minute, so a worker that has not polled again is gone. */
const pollMilliseconds = 75_000;

/**
 * Reads a server's version and the workers of a queue.
 *
 * @throws KgentsError `temporal-unavailable`
 */
export async function queueState(
  target: TemporalTarget,
  taskQueue: string,
  timeoutMilliseconds: number,
): Promise<QueueState> {
  // Loaded on demand: it takes a quarter of a second, which commands that find everything running can avoid.
  const { openConnection } = await import("./open-connection.ts");
  const { connectionOptions, address, namespace } = target;
  try {
    const connection = await openConnection({ ...connectionOptions, address, connectTimeout: timeoutMilliseconds });
    try {
      return await ask(connection, namespace, taskQueue, timeoutMilliseconds);
    } finally {
      await connection.close();
    }
  } catch (error) {
    throw await temporalUnavailable({ address, namespace, tls: connectionOptions.tls }, error);
  }
}

/** As {@link queueState}, on an existing connection. */
export async function queueStateOn(
  connection: ConnectionLike,
  { address, namespace, connectionOptions: { tls } }: TemporalTarget,
  taskQueue: string,
  timeoutMilliseconds: number,
): Promise<QueueState> {
  try {
    return await ask(connection, namespace, taskQueue, timeoutMilliseconds);
  } catch (error) {
    throw await temporalUnavailable({ address, namespace, tls }, error);
  }
}

async function ask(
  connection: ConnectionLike,
  namespace: string,
  taskQueue: string,
  timeoutMilliseconds: number,
): Promise<QueueState> {
  const { workflowService } = connection;
  const [system, queue] = await connection.withDeadline(Date.now() + timeoutMilliseconds, () =>
    Promise.all([
      workflowService.getSystemInfo({}),
      workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: workflowTaskQueueType,
      }),
    ]),
  );
  const { currentDeploymentVersion: current, rampingDeploymentVersion: ramping } = queue.versioningInfo ?? {};
  // Workers without a version get new runs as long as there is no current version.
  const taking = [versionName(current), ...(ramping ? [versionName(ramping)] : [])];
  const listed = (queue.pollers ?? []).map(({ identity, lastAccessTime, deploymentOptions }) => ({
    identity: identity ?? "",
    lastAccess: new Date(toMilliseconds(lastAccessTime)).toISOString(),
    version: deploymentOptions?.workerVersioningMode === versionedMode ? versionName(deploymentOptions) : undefined,
  }));
  const polling = await present(listed);
  const passive = polling.filter(({ version }) => !taking.includes(version));
  return {
    serverVersion: system.serverVersion ?? "unknown",
    pollers: polling
      .filter((poller) => !passive.includes(poller))
      .map(({ identity, lastAccess }) => ({ identity, lastAccess })),
    passiveVersions: [...new Set(passive.map(({ version }) => version ?? "without a version"))],
  };
}

async function present<P extends QueuePoller>(pollers: readonly P[]): Promise<P[]> {
  const there = await Promise.all(
    pollers.map(async ({ identity, lastAccess }) => {
      const pid = localProcess(identity);
      if (pid !== undefined) return isRunning({ pid, startTime: "" });
      return Date.now() - Date.parse(lastAccess) < pollMilliseconds;
    }),
  );
  return pollers.filter((_, index) => there[index]);
}

/**
 * The process id in an identity, if it is of this machine. Identities are ours (see `workerIdentity`) or any SDK's
 * default.
 */
export function localProcess(identity: string): number | undefined {
  const host = hostname();
  const own = processOfIdentity(identity);
  if (own?.hostLabel === hostLabel(host)) return own.pid;
  const [, pid, otherHost] = /^(\d+)@(.+)$/.exec(identity) ?? [];
  return otherHost === host ? Number(pid) : undefined;
}
