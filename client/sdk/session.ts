/**
 * The state of a connected Quartermaster.
 *
 * @module
 */
import { join } from "node:path";
import type { Client } from "@temporalio/client";
import type { Configuration } from "#core/configuration/configuration";
import { storeOfIdentity } from "#core/contract/names";
import { once } from "#core/text/once";
import { loadConfiguration } from "#platform/host/configuration-file";
import { kgentsPaths } from "#platform/host/paths";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { openArtifactStore } from "#platform/store/open-store";
import { resolveTarget } from "#platform/temporal/address";
import { temporalUnavailable } from "#platform/temporal/temporal-unavailable";
import { openTracing } from "#platform/tracing/open-tracing";
import { refuseUnlessThere } from "../stack/refuse-unless-there.ts";
import { ensureStack, type Stack } from "../stack/stack.ts";
import { findUi } from "../stack/ui-link.ts";
import type { QuartermasterOptions } from "./quartermaster-options.ts";
import { recent } from "./recent.ts";
import { openRuns } from "./temporal/open-runs.ts";
import type { RunService } from "./temporal/run-service.ts";

/** The workers of the task queue. */
interface Workers {
  readonly store: ArtifactStore | undefined;
  /** Whether any worker serves it. */
  readonly served: boolean;
  /** Versions whose workers poll it but get no new runs. */
  readonly passiveVersions: readonly string[];
}

/** A connection and its cached lookups. */
export interface Session {
  /** `host:port` of the server. */
  readonly address: string;
  readonly namespace: string;
  readonly runs: RunService;
  /** The SDK's client, for all that is not about single runs. */
  readonly client: () => Promise<Client>;
  readonly taskQueue: string;
  /** Cached for a second. */
  readonly workers: () => Promise<Workers>;
  readonly ui: () => Promise<string | undefined>;
  /**
   * Continues with the present stack. Returns false if that needs a new session: for another server, a restarted one,
   * or another store.
   */
  readonly goOn: (found: FoundStack) => boolean;
  readonly close: () => Promise<void>;
}

type Options = Omit<QuartermasterOptions, "mode">;

/** How long a check of the stack and its workers stays valid, in milliseconds. */
export const freshMilliseconds = 1000;

/** The server and the workers of a session. */
export interface FoundStack {
  readonly stack: Stack;
  readonly taskQueue: string;
  readonly artifacts: Configuration["artifacts"];
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * Finds the server and the workers. Starts them if that is allowed.
 *
 * @throws KgentsError `stack-start`, `tool-unavailable`, `invalid-configuration`, `temporal-unavailable`
 */
export async function findStack(options: Options): Promise<FoundStack> {
  const { address, namespace, startLocalStack = true, onProgress = () => {} } = options;
  const { configuration, text } = await loadConfiguration({ path: options.configurationFile });
  const taskQueue = options.taskQueue ?? configuration.worker.taskQueue;
  const environment = namespace === undefined ? process.env : { ...process.env, TEMPORAL_NAMESPACE: namespace };
  const { artifacts, retention } = configuration;
  const stack = await ensureStack({
    paths: kgentsPaths(),
    environment,
    address,
    configurationText: text,
    usesBucket: artifacts.bucket !== undefined,
    retentionMilliseconds: retention,
    taskQueue,
    start: startLocalStack,
    progress: onProgress,
  });
  return { stack, taskQueue, artifacts, environment };
}

/** The parts of the stack that a session depends on. */
const keyOf = ({ stack, taskQueue, artifacts }: FoundStack): string =>
  JSON.stringify([stack.address, stack.namespace, stack.startedAt, taskQueue, artifacts]);

/**
 * Connects to the server and opens the session.
 *
 * @throws KgentsError `temporal-unavailable`, `stack-start`, `invalid-configuration`
 */
export async function openSession(options: Options, found: FoundStack): Promise<Session> {
  const { startLocalStack = true, onProgress = () => {} } = options;
  const { taskQueue, artifacts, environment } = found;
  const key = keyOf(found);
  let { stack } = found;
  const { address, namespace } = stack;
  const target = { ...resolveTarget(environment, { address: options.address }), address, namespace };
  const tracing = await openTracing("kgents", onProgress);
  const { runs, client, close } = await openRuns(target, {
    http: stack.http,
    tracing,
    ...(!startLocalStack && target.origin === "local" ? { refuse: () => refuseUnlessThere(address) } : {}),
  });
  const patience = startLocalStack ? refusalMilliseconds : answerMilliseconds;
  const store = once(() => openArtifactStore(artifacts, { directory: join(kgentsPaths().state, "artifacts") }));
  const others = recent(freshMilliseconds, async (): Promise<Workers> => {
    const { pollers, passiveVersions } = await runs.queueState(taskQueue, patience).catch(async (error) => {
      throw await temporalUnavailable({ address, namespace, tls: target.connectionOptions.tls }, error);
    });
    // A store that cannot be opened is not shared.
    const opened = await store().catch(() => undefined);
    const isShared = pollers.every(({ identity }) => storeOfIdentity(identity) === opened?.id);
    return { served: pollers.length > 0, passiveVersions, store: isShared ? opened : undefined };
  });
  return {
    address,
    namespace,
    taskQueue,
    runs,
    client,
    workers: async () => {
      if (stack.worker === "own") return { served: true, passiveVersions: [], store: await store() };
      const found = await others();
      // Do not cache the absence of workers: a retry must find a new worker at once.
      if (!found.served) await others.forget();
      return found;
    },
    ui: () => findUi(target, environment, stack.uiUrl),
    goOn: (next) => {
      if (keyOf(next) !== key) return false;
      ({ stack } = next);
      return true;
    },
    close: async () => {
      await close();
      await (await store.made()?.catch(() => undefined))?.close();
      await tracing?.close();
    },
  };
}

/** Deadline in milliseconds for the lookup of workers, so that the error of a missing worker comes within 2 s. */
const refusalMilliseconds = 1500;
/** Deadline in milliseconds for clients that start nothing. */
const answerMilliseconds = 5000;
