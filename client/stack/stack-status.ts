import { refuseForeignDirectories } from "#platform/host/ownership";
import { isGuarded, runningServer, type ServerRecord } from "#platform/host/server-record";
import { workerFiles } from "#platform/host/worker-files";
import { portIn, type TemporalTarget } from "#platform/temporal/address";
import { queueState } from "#platform/temporal/pollers";
import type { QueuePoller, QueueState } from "#platform/temporal/queue-state";
import { runningWorker } from "./background-worker.ts";
import { refuseUnlessThere } from "./refuse-unless-there.ts";
import { targetOf } from "./stack.ts";
import { type StackContext, type StackOptions, stackContext } from "./stack-context.ts";
import { guardedUi } from "./ui-guard.ts";
import { usualUi } from "./usual-ui.ts";

/** The state of the stack, for `kgents status`. */
export interface StackStatus {
  readonly temporal: {
    readonly address: string;
    readonly namespace: string;
    /** The address of the UI; null if it is not known. */
    readonly uiUrl: string | null;
    /** The server's version; null if it does not answer. */
    readonly version: string | null;
    readonly running: boolean;
    /** Why it does not run; null if it does. */
    readonly reason: string | null;
    /** Whether kgents started the server. */
    readonly managed: boolean;
    /**
     * The version of the `temporal` command that contains the server. Null if the server is not managed, like all
     * fields below.
     */
    readonly cliVersion: string | null;
    readonly pid: number | null;
    readonly database: string | null;
    readonly log: string | null;
    readonly startedAt: string | null;
  };
  readonly worker: {
    /** Whether the background worker of kgents runs and polls. */
    readonly running: boolean;
    readonly pid: number | null;
    readonly taskQueue: string;
    readonly activeRuns: number | null;
    readonly idle: boolean | null;
    /** What has changed since its start. The worker is replaced when it is idle. */
    readonly outdated: readonly string[];
    readonly log: string;
    readonly startedAt: string | null;
    /** All workers that serve the task queue, from kgents or others. */
    readonly pollers: readonly QueuePoller[];
  };
}

const answerMilliseconds = 2000;

/** Reads the state of the stack. Starts nothing. */
export async function stackStatus(options: StackOptions = {}): Promise<StackStatus> {
  const context = stackContext(options);
  refuseForeignDirectories(context.paths);
  const record = await runningServer(context.files.server);
  const target = targetOf(context, record);
  const server = record?.address === target.address ? record : undefined;
  const worker = await runningWorker(context, target);
  const queue = await ask(target, context.taskQueue).catch((error: Error) => error);
  const answered = queue instanceof Error ? undefined : queue;
  return {
    temporal: {
      address: target.address,
      namespace: target.namespace,
      uiUrl: await uiOf(context, target, server, answered !== undefined),
      version: answered?.serverVersion ?? null,
      running: answered !== undefined,
      reason: queue instanceof Error ? queue.message : null,
      managed: server !== undefined,
      cliVersion: server?.version ?? null,
      pid: server?.pid ?? null,
      database: server?.database ?? null,
      log: server ? context.files.serverLog : null,
      startedAt: server?.startedAt ?? null,
    },
    worker: {
      running: worker?.ready ?? false,
      pid: worker?.identity.pid ?? null,
      taskQueue: worker?.identity.taskQueue ?? context.taskQueue,
      activeRuns: worker?.activeRuns ?? null,
      idle: worker?.activeRuns === undefined ? null : worker.activeRuns === 0,
      outdated: worker?.outdated ?? [],
      log: workerFiles(context.paths.state).log,
      startedAt: worker?.identity.startedAt ?? null,
      pollers: answered?.pollers ?? [],
    },
  };
}

async function uiOf(
  context: StackContext,
  { address }: TemporalTarget,
  server: ServerRecord | undefined,
  answers: boolean,
): Promise<string | null> {
  if (server) return (isGuarded(server) && (await guardedUi(context, server))) || null;
  return answers ? usualUi(address, portIn(address) + 1000) : null;
}

async function ask(target: TemporalTarget, taskQueue: string): Promise<QueueState> {
  // Probe first: a connection would retry until its timeout, while a local port responds at once.
  if (target.origin === "local") await refuseUnlessThere(target.address);
  return queueState(target, taskQueue, answerMilliseconds);
}
