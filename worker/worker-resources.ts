import { join } from "node:path";
import { Client } from "@temporalio/client";
import type { ActivityDependencies } from "#activities/dependencies";
import { claimSlot } from "#platform/host/process-lock";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { openArtifactStore } from "#platform/store/open-store";
import { openTracing } from "#platform/tracing/open-tracing";
import type { Tracing } from "#platform/tracing/tracing";
import { connectWorker, type WorkerConnections } from "./connect.ts";
import { createProviders, type ProvidersOf } from "./create-providers.ts";
import { hostIdOf } from "./host-id.ts";
import type { Opened } from "./opened-resources.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** Time for pending uploads, in milliseconds: the spool's own limit, with a margin. */
const storeMilliseconds = 20_000;

/** What a worker needs before it polls. */
export interface WorkerResources {
  readonly tracing: Tracing | undefined;
  readonly hostId: string;
  readonly connections: WorkerConnections;
  readonly client: Client;
  readonly providers: ActivityDependencies["providers"];
  readonly artifacts: ArtifactStore;
}

async function connect(settings: WorkerSettings, opened: Opened): Promise<WorkerConnections> {
  await settings.beforeConnecting?.();
  const connections = await connectWorker(settings.address, settings.namespace);
  opened.add("closing the connection of the pollers", () => connections.native.close());
  opened.add("closing the connection to Temporal", () => connections.client.close());
  return connections;
}

async function provide(
  settings: WorkerSettings,
  opened: Opened,
  about: Pick<ProvidersOf, "hostId" | "connections">,
): Promise<ActivityDependencies["providers"]> {
  const providers = settings.providers ?? (await createProviders({ ...settings, ...about }));
  for (const provider of Object.values(providers)) {
    opened.add(`closing the backend ${provider.name}`, () => provider.close());
  }
  return providers;
}

/** Connects to Temporal, and opens the backends and the artifact store. Whatever is opened is added to `opened`. */
export async function openWorkerResources(settings: WorkerSettings, opened: Opened): Promise<WorkerResources> {
  const { configuration, paths, log } = settings;
  const tracing = await openTracing("kgents-worker", (line) => log.warn(line));
  opened.add("closing the traces", async () => tracing?.close());
  const slot = await claimSlot(join(paths.state, "workers"));
  opened.add("releasing the worker's number on this host", () => slot.release());
  const hostId = await hostIdOf(paths, slot.slot);
  // The sandbox is examined while the server is waited for.
  const connecting = connect(settings, opened);
  const providing = provide(settings, opened, { hostId, connections: connecting });
  const [connected, provided] = await Promise.allSettled([connecting, providing]);
  if (connected.status === "rejected") throw connected.reason;
  if (provided.status === "rejected") throw provided.reason;
  const connections = connected.value;
  const artifacts = await openArtifactStore(configuration.artifacts, {
    directory: join(paths.state, "artifacts"),
    spool: { directory: join(paths.state, "spool"), log: (line) => log.warn(line) },
    log: (line) => log.warn(line),
  });
  opened.add("closing the artifact store", () => artifacts.close(), storeMilliseconds);
  const client = new Client({ connection: connections.client, namespace: connections.namespace });
  return { tracing, hostId, connections, client, providers: provided.value, artifacts };
}
