/**
 * Which workers serve a task queue, from what the server says about it.
 *
 * Temporal lists a poller for five minutes after its last poll, so the list alone is not enough. A poller of this
 * machine must be a running process, and any other must have polled recently.
 *
 * @module
 */
import { hostname } from "node:os";
import { hostLabel, processOfIdentity } from "#core/contract/names";
import { isRunning } from "../host/process-identity.ts";

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

/** The server's answers, whichever protocol they came by. */
export interface QueueAnswer {
  readonly serverVersion: string | null | undefined;
  readonly pollers: readonly {
    readonly identity: string | null | undefined;
    readonly lastAccess: Date;
    /** The version of a worker that has one. */
    readonly version: Version;
  }[];
  readonly current: Version;
  readonly ramping: Version;
}

const versionName = (version: Version): string | undefined =>
  version?.buildId ? `${version.deploymentName}:${version.buildId}` : undefined;

/** A poll lasts at most a minute, so a worker that has not polled again is gone. */
const pollMilliseconds = 75_000;

/** Finds the present workers in a server's answers. */
export async function queueStateOf({ serverVersion, pollers, current, ramping }: QueueAnswer): Promise<QueueState> {
  // Workers without a version get new runs as long as there is no current version.
  const taking = [versionName(current), ...(ramping ? [versionName(ramping)] : [])];
  const listed = pollers.map(({ identity, lastAccess, version }) => ({
    identity: identity ?? "",
    lastAccess: lastAccess.toISOString(),
    version: versionName(version),
  }));
  const polling = await present(listed);
  const passive = polling.filter(({ version }) => !taking.includes(version));
  return {
    serverVersion: serverVersion ?? "unknown",
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
