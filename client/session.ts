/**
 * What a Quartermaster holds once it is connected.
 *
 * @module
 */
import { join } from "node:path";
import { loadConfiguration } from "../activities/host/configuration-file.ts";
import { kgentsPaths } from "../activities/host/paths.ts";
import type { ArtifactStore } from "../activities/store/artifact-store.ts";
import { openArtifactStore } from "../activities/store/open-store.ts";
import { openTracing } from "../activities/tracing/open-tracing.ts";
import { storeOfIdentity } from "../core/names.ts";
import { once } from "../core/once.ts";
import { connectClient, type TemporalClient } from "./connect.ts";
import type { QuartermasterOptions } from "./quartermaster-options.ts";
import { resolveTarget } from "./stack/address.ts";
import { refuseUnlessThere } from "./stack/listener-owner.ts";
import { queueState } from "./stack/pollers.ts";
import { ensureStack } from "./stack/stack.ts";
import { findUi } from "./stack/ui-link.ts";

/** Who serves the task queue. */
interface Workers {
  readonly store: ArtifactStore | undefined;
  /** Whether anybody does. */
  readonly served: boolean;
  /** The versions whose workers poll it and get no new runs. */
  readonly passiveVersions: readonly string[];
}

/** A connection, and what is asked of it once. */
export interface Session extends TemporalClient {
  readonly taskQueue: string;
  /** Asked for once, and only where it matters. */
  readonly workers: () => Promise<Workers>;
  readonly close: () => Promise<void>;
  readonly ui: () => Promise<string | undefined>;
}

/**
 * Connects, and where it may starts what is to be connected to.
 *
 * @throws KgentsError `temporal-unavailable`, `stack-start`, `tool-unavailable`, `invalid-configuration`
 */
export async function openSession(options: Omit<QuartermasterOptions, "mode">): Promise<Session> {
  const { address, namespace, startLocalStack = true, onProgress = () => {} } = options;
  const tracing = await openTracing("kgents", onProgress);
  const { configuration, text } = await loadConfiguration({ path: options.configurationFile });
  const taskQueue = options.taskQueue ?? configuration.worker.taskQueue;
  const paths = kgentsPaths();
  const environment = namespace === undefined ? process.env : { ...process.env, TEMPORAL_NAMESPACE: namespace };
  const stack = await ensureStack({
    paths,
    environment,
    address,
    configurationText: text,
    usesBucket: configuration.artifacts.bucket !== undefined,
    retentionMilliseconds: configuration.retention,
    taskQueue,
    start: startLocalStack,
    progress: onProgress,
  });
  const target = { ...resolveTarget(environment, { address }), address: stack.address, namespace: stack.namespace };
  if (!startLocalStack && target.origin === "local") await refuseUnlessThere(target.address);
  const temporal = await connectClient(target, tracing);
  const patience = startLocalStack ? refusalMilliseconds : answerMilliseconds;
  let opened: ArtifactStore | undefined;
  const openStore = async (): Promise<ArtifactStore> =>
    (opened = await openArtifactStore(configuration.artifacts, { directory: join(paths.state, "artifacts") }));
  const ownWorkers = async (): Promise<Workers> => ({
    served: true,
    passiveVersions: [],
    store: await openStore(),
  });
  const lookForWorkers = async (): Promise<Workers> => {
    const { pollers, passiveVersions } = await queueState(target, taskQueue, patience);
    // A store that cannot be opened is one that is not shared.
    const store = await openStore().catch(() => undefined);
    const isShared = pollers.every(({ identity }) => storeOfIdentity(identity) === store?.id);
    return { served: pollers.length > 0, passiveVersions, store: isShared ? store : undefined };
  };
  return {
    ...{ ...temporal, taskQueue },
    workers: once(stack.worker === "own" ? ownWorkers : lookForWorkers),
    close: async () => {
      await temporal.client.connection.close();
      await opened?.close();
      await tracing?.close();
    },
    ui: once(() => findUi(target, environment, stack.uiUrl)),
  };
}

/** How long to look for who serves the queue: a refusal comes within 2 s. */
const refusalMilliseconds = 1500;
/** Likewise, for whoever starts nothing and is refused nothing. */
const answerMilliseconds = 5000;
