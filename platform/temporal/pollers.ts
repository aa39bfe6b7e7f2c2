/**
 * Who serves a task queue.
 *
 * Temporal keeps a poller in its list for five minutes after it went away, so what the list says is not enough: one that
 * names a process of this machine is asked for there, and any other must have polled lately.
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
  /** When it last asked for work, in ISO 8601. */
  readonly lastAccess: string;
}

/** What a Temporal server says of itself, and who serves the queue there. */
export interface QueueState {
  readonly serverVersion: string;
  /** Those to whom new runs go. */
  readonly pollers: readonly QueuePoller[];
  /** The versions whose workers poll too and get none, because another is the current one of their deployment, or none is. */
  readonly passiveVersions: readonly string[];
}

type Version = { readonly deploymentName?: string | null; readonly buildId?: string | null } | null | undefined;

const versionName = (version: Version): string | undefined =>
  version?.buildId ? `${version.deploymentName}:${version.buildId}` : undefined;

/** A poll lasts a minute at most: who has not asked again since has gone. */
const pollMilliseconds = 75_000;

/**
 * Asks a server for its version and for who serves a queue.
 *
 * @throws KgentsError `temporal-unavailable`
 */
export async function queueState(
  target: TemporalTarget,
  taskQueue: string,
  timeoutMilliseconds: number,
): Promise<QueueState> {
  // Loaded only here: it takes a quarter of a second, which a command that finds everything running need not spend.
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

/** As {@link queueState}, on a connection that is there. */
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
  // What belongs to no version gets new runs as long as no version is the current one.
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

/** The process that an identity names, where it is one of this machine: ours (see `workerIdentity`), or of any SDK. */
export function localProcess(identity: string): number | undefined {
  const host = hostname();
  const own = processOfIdentity(identity);
  if (own?.hostLabel === hostLabel(host)) return own.pid;
  const [, pid, otherHost] = /^(\d+)@(.+)$/.exec(identity) ?? [];
  return otherHost === host ? Number(pid) : undefined;
}
