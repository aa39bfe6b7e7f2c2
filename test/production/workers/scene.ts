/**
 * Workers in the test cluster, deployed as in docs/production.md: `kgents infra init`, the Secrets, and an overlay on
 * the production one with the addresses of Temporal and the bucket. Both run on this machine, behind Services.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { cluster, kubectl, node } from "../../kubernetes/support.ts";
import { type CommandLine, createCommandLine } from "../../support/command-line.ts";
import { startArtifactStore } from "../artifact-store.ts";
import { root } from "../compose-file.ts";
import { type Forward, forward } from "./forward.ts";
import { buildWorkerImage } from "./image.ts";
import { overlayOf, type Places, servicesOf, versionOverlayOf } from "./overlay.ts";

export interface WorkersScene extends AsyncDisposable {
  /** A client with a certificate and access to Temporal, the bucket and the cluster. */
  readonly client: CommandLine;
  /** Runs kubectl in the workers' namespace. @throws if it fails */
  readonly kubectl: (...args: string[]) => Promise<string>;
  /** The pods' only connection to Temporal. */
  readonly temporal: Forward;
  /** The workers' image, which the node already has. */
  readonly image: string;
  /** Writes the overlay of a version of a pool, for `kubectl apply -k`. Returns its directory. */
  readonly versionOverlay: (buildId: string, taskQueue: string) => Promise<string>;
  /** The names of the workers' pods that are ready and not terminating. */
  readonly ready: () => Promise<string[]>;
  /** The archive of the image, for other nodes. */
  readonly archive: string;
}

const tag = "kgents:0.1.0";
const ports = { temporal: 7233, store: 7070 } as const;

const secretOf = (name: string, files: Readonly<Record<string, string>>): Promise<string> =>
  kubectl([
    ...["-n", "kgents", "create", "secret", "generic", name],
    ...Object.entries(files).map(([key, path]) => `--from-file=${key}=${path}`),
  ]);

/** Reads a file named by a variable of the client's environment. */
function fileOf(environment: Readonly<Record<string, string>>, variable: string): string {
  const path = environment[variable];
  if (path === undefined) throw new Error(`${variable} is not in the client's environment`);
  return path;
}

interface WorkerPod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

const isReady = ({ metadata, status }: WorkerPod): boolean =>
  metadata.deletionTimestamp === undefined &&
  status.conditions.some(({ type, status: holds }) => type === "Ready" && holds === "True");

/** Creates the scene, and waits until the workers are ready. */
export async function workersScene(): Promise<WorkersScene> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "kgents-workers-"));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const archive = await buildWorkerImage(node().images, tag);
  await node().importImage(archive);

  const store = stack.use(await startArtifactStore());
  const host = node().hostAddress;
  const temporalPort = Number(inject("temporalAddress").split(":").at(-1));
  const temporal = stack.use(await forward({ host, port: ports.temporal }, temporalPort));
  stack.use(await forward({ host, port: ports.store }, store.port));

  const production = inject("productionEnvironment");
  const namespace = `workers-${randomUUID()}`;
  const client = stack.use(
    await createCommandLine({
      environment: {
        ...production,
        ...store.environment,
        TEMPORAL_NAMESPACE: namespace,
        KUBECONFIG: cluster.kubeconfig,
      },
    }),
  );
  const endpoint = `https://localhost:${store.port}`;
  const artifacts = { bucket: { name: "kgents-artifacts", endpoint } };
  await client.file("config/kgents/kgents.config.yaml", JSON.stringify({ artifacts }));
  await succeed(client, "admin", "setup");

  stack.defer(async () => {
    // Do not wait for the drains: those of versions are long.
    await kubectl(["-n", "kgents", "delete", "deployments,pods", "--all", "--grace-period=1", "--ignore-not-found"]);
    await kubectl(["delete", "namespace", "--ignore-not-found", "kgents-ephemeral", "kgents"]);
    const admission = "validatingadmissionpolicybinding,validatingadmissionpolicy";
    await kubectl(["delete", admission, "--ignore-not-found", "kgents-cells.kgents-ephemeral"]);
  });
  await succeed(client, "infra", "init", "--yes");
  const workers = join(directory, "workers");
  await cp(join(root, "deploy/workers"), workers, { recursive: true });
  await kubectl(["apply", "-k", join(workers, "access")]);
  await secretOf("kgents-temporal-client", {
    "ca.crt": fileOf(production, "TEMPORAL_TLS_SERVER_CA_CERT_PATH"),
    "client.crt": fileOf(production, "TEMPORAL_TLS_CLIENT_CERT_PATH"),
    "client.key": fileOf(production, "TEMPORAL_TLS_CLIENT_KEY_PATH"),
  });
  await secretOf("kgents-bucket", {
    credentials: join(store.secrets, "store-credentials"),
    "ca.crt": join(store.secrets, "ca.crt"),
  });
  const places: Places = { host, ports, namespace, image: tag };
  const overlays = join(workers, "overlays");
  await kubectl(["apply", "-f", "-"], JSON.stringify(servicesOf(places)));
  await kubectl(["apply", "-k", await writeOverlay(join(overlays, "test"), overlayOf(places))]);

  const inside = (...args: string[]) => kubectl(["-n", "kgents", ...args]);
  await inside("rollout", "status", "deployment/kgents-worker", "--timeout=300s");
  const owned = stack.move();
  return {
    client,
    temporal,
    image: tag,
    archive,
    kubectl: inside,
    versionOverlay: async (buildId, taskQueue) => {
      const versioned = await readFile(join(overlays, "versioned/kustomization.yaml"), "utf8");
      return writeOverlay(join(overlays, `test-${buildId}`), versionOverlayOf(versioned, places, buildId, taskQueue));
    },
    ready: async () => {
      const { items } = JSON.parse(await inside("get", "pods", "-o", "json")) as { items: WorkerPod[] };
      return items.filter(isReady).map(({ metadata }) => metadata.name);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function writeOverlay(directory: string, files: Readonly<Record<string, object>>): Promise<string> {
  await mkdir(directory);
  // JSON is valid YAML.
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), JSON.stringify(content));
  return directory;
}

async function succeed(client: CommandLine, ...args: string[]): Promise<void> {
  const { code, stderr } = await client.run(args);
  if (code !== 0) throw new Error(`kgents ${args.join(" ")}: exit code ${code}: ${stderr}`);
}
