/** Helpers for tests of runs on the cluster: their own namespaces, and workers for them. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, inject } from "vitest";
import { createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { createObjects, type Objects } from "#cells/kubernetes/api/objects";
import { type ResourceType, resourceTypes } from "#cells/kubernetes/api/resource-types";
import { createKubernetesProvider, type KubernetesOptions } from "#cells/kubernetes/provider";
import type { CellProvider } from "#cells/provider";
import type { ExecutionRequest } from "#core/contract/request";
import { cellLabel, type NetworkIsolation, networkIsolationAnnotation } from "#core/manifest/cluster-names";
import { connectCluster } from "../cluster/cluster.ts";
import type { NodeControl, TestCluster } from "../cluster/types.ts";
import { type RunAnswer, runOnProvider } from "../support/run-on-provider.ts";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";
import { restrictedNamespace } from "./manifests.ts";

const description = inject("cluster");
if (description === null) throw new Error("these tests need a cluster");

export const cluster: TestCluster = connectCluster(description);

/** The node's controls, for tests that exist only if there are any. */
export const node = (): NodeControl => {
  if (cluster.node) return cluster.node;
  throw new Error("this cluster is not ours to break");
};

/** Runs kubectl as an administrator. @throws if it fails */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, input === undefined ? {} : { input });
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${code}: ${stderr}`);
  return stdout;
}

/** Whether a pod with Python can connect to a server within a few seconds. */
export async function podReaches(
  namespace: string,
  pod: string,
  host: string,
  port: number,
  seconds = 5,
): Promise<boolean> {
  const program = `import socket; socket.create_connection((${JSON.stringify(host)}, ${port}), ${seconds})`;
  return (await cluster.kubectl(["-n", namespace, "exec", pod, "--", "python3", "-c", program])).code === 0;
}

/** A namespace for cells, as `kgents infra init` leaves it, but without its policies. */
export interface CellNamespace extends AsyncDisposable {
  readonly name: string;
  /** Its objects, without a process of kubectl, which takes a tenth of a second of computing time. Tests poll with it. */
  readonly objects: Objects;
  readonly apply: (manifest: object) => Promise<string>;
  readonly kubectl: (...args: string[]) => Promise<string>;
  /** The names of the existing Jobs and pods of cells. */
  readonly left: () => Promise<string[]>;
}

export const jobType: ResourceType = { apiVersion: "batch/v1", kind: "Job", plural: "jobs", namespaced: true };

export async function cellNamespace(verdict: NetworkIsolation | null = "enforced"): Promise<CellNamespace> {
  const name = `kgents-test-${randomUUID().slice(0, 8)}`;
  await kubectl(["apply", "-f", "-"], JSON.stringify(restrictedNamespace(name)));
  if (verdict) await kubectl(["annotate", "namespace", name, `${networkIsolationAnnotation}=${verdict}`]);
  const inside = (...args: string[]) => kubectl(["-n", name, ...args]);
  const objects = createObjects(await createClusterClient({ kubeconfig: cluster.kubeconfig, namespace: name }));
  const namesOf = async (type: ResourceType, prefix: string): Promise<string[]> =>
    (await objects.list(type, { labelSelector: cellLabel })).map(({ metadata }) => `${prefix}/${metadata?.name}`);
  return {
    name,
    objects,
    apply: (manifest) => kubectl(["-n", name, "apply", "-f", "-"], JSON.stringify(manifest)),
    kubectl: inside,
    left: async () => [...(await namesOf(jobType, "job.batch")), ...(await namesOf(resourceTypes.Pod, "pod"))],
    [Symbol.asyncDispose]: async () => {
      await kubectl(["delete", "namespace", name, "--wait=false"]);
    },
  };
}

/** A separate backend instance for cells in a namespace. */
export const createBackend = (namespace: string, options: Partial<KubernetesOptions> = {}): CellProvider =>
  createKubernetesProvider({
    kubeconfig: cluster.kubeconfig,
    namespace,
    instance: `test-${randomUUID().slice(0, 8)}`,
    log: () => {},
    ...options,
  });

/** The providers of two workers of one instance, on a namespace of their own in which nothing may be left. */
export async function openTwoProviders(instance: string) {
  const namespace = await cellNamespace();
  const [first, second] = [createBackend(namespace.name, { instance }), createBackend(namespace.name, { instance })];
  const close = async (): Promise<void> => {
    expect(await namespace.left()).toEqual([]);
    await Promise.all([first.close(), second.close()]);
    await namespace[Symbol.asyncDispose]();
  };
  return { namespace, first, second, close };
}

/** In seconds. Concurrent test files share one small machine, whose node starts one cell at a time. */
const patientStartup = 110;

/** A worker in this process for cells in a namespace. Serves no other backend by default. */
export async function startClusterWorker(
  namespace: string,
  options: Partial<KubernetesOptions> & {
    readonly taskQueue?: string;
  } = {},
): Promise<TestWorker> {
  const { taskQueue, ...more } = options;
  const worker = await startTestWorker(inject("temporalAddress"), {
    providers: { kubernetes: createBackend(namespace, more) },
    ...(taskQueue !== undefined && { taskQueue }),
  });
  const start: TestWorker["start"] = (request, startOptions) =>
    worker.start({ startupTimeout: patientStartup, ...request }, startOptions);
  return { ...worker, start, run: async (request) => (await start(request)).result() };
}

/** A value that the tests of a file share while they run. */
function shared<Value>(): { value: Value } {
  let given: Value | undefined;
  return {
    get value() {
      if (given === undefined) throw new Error("this is there only while the tests run");
      return given;
    },
    set value(value) {
      given = value;
    },
  };
}

/** A namespace and a worker for all tests of a file. */
export function useClusterWorker(options: Parameters<typeof startClusterWorker>[1] = {}): {
  readonly namespace: CellNamespace;
  readonly worker: TestWorker;
} {
  const namespace = shared<CellNamespace>();
  const worker = shared<TestWorker>();
  beforeAll(async () => {
    namespace.value = await cellNamespace();
    worker.value = await startClusterWorker(namespace.value.name, options);
  });
  afterAll(async () => {
    await worker.value[Symbol.asyncDispose]();
    await namespace.value[Symbol.asyncDispose]();
  });
  return {
    get namespace() {
      return namespace.value;
    },
    get worker() {
      return worker.value;
    },
  };
}

/**
 * A backend for all tests of a file, which must leave nothing in its namespace. Runs a request in a cell of its own.
 */
export function useClusterBackend(): (request: ExecutionRequest) => Promise<RunAnswer> {
  const namespace = shared<CellNamespace>();
  const backend = shared<CellProvider>();
  beforeAll(async () => {
    namespace.value = await cellNamespace();
    backend.value = createBackend(namespace.value.name);
  });
  afterAll(async () => {
    expect(await namespace.value.left()).toEqual([]);
    await backend.value.close();
    await namespace.value[Symbol.asyncDispose]();
  });
  return (request) => runOnProvider(backend.value, request, { cellId: `kgents-${randomUUID().slice(0, 20)}` });
}
