import { refuseForeignDirectories } from "#platform/host/ownership";
import { workerFiles } from "#platform/host/worker-files";
import { portIn, type TemporalTarget } from "#platform/temporal/address";
import { type QueuePoller, type QueueState, queueState } from "#platform/temporal/pollers";
import { runningWorker } from "./background-worker.ts";
import { refuseUnlessThere } from "./refuse-unless-there.ts";
import { isGuarded, runningServer, type ServerRecord } from "./server-record.ts";
import { targetOf } from "./stack.ts";
import { type StackContext, type StackOptions, stackContext } from "./stack-context.ts";
import { guardedUi } from "./ui-guard.ts";
import { usualUi } from "./usual-ui.ts";

/** What runs, for `kgents status`. */
export interface StackStatus {
  readonly temporal: {
    readonly address: string;
    readonly namespace: string;
    /** Where a person can look at runs; null where that is not known. */
    readonly uiUrl: string | null;
    /** Of the server; null where it does not answer. */
    readonly version: string | null;
    readonly running: boolean;
    /** Why it is not running, as far as is known. */
    readonly reason: string | null;
    /** Whether it is the server that kgents started. */
    readonly managed: boolean;
    /** Of the `temporal` command that the server is part of; null where it is not managed, as is all that follows. */
    readonly cliVersion: string | null;
    readonly pid: number | null;
    readonly database: string | null;
    readonly log: string | null;
    readonly startedAt: string | null;
  };
  readonly worker: {
    /** Whether the worker that kgents started in the background runs and polls. */
    readonly running: boolean;
    readonly pid: number | null;
    readonly taskQueue: string;
    readonly activeRuns: number | null;
    readonly idle: boolean | null;
    /** What changed since it was started; it is replaced when it is idle. */
    readonly outdated: readonly string[];
    readonly log: string;
    readonly startedAt: string | null;
    /** All who serve the task queue, kgents' own or not. */
    readonly pollers: readonly QueuePoller[];
  };
}

const answerMilliseconds = 2000;

/** Looks at what runs; starts nothing. */
export async function stackStatus(options: StackOptions = {}): Promise<StackStatus> {
  const context = stackContext(options);
  refuseForeignDirectories(context.paths);
  const record = await runningServer(context);
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
  // A connection tries again and again until its time is up; a port of this machine says at once that nothing is there.
  if (target.origin === "local") await refuseUnlessThere(target.address);
  return queueState(target, taskQueue, answerMilliseconds);
}
