/** What tests of runs on the cluster share: namespaces of their own, and workers that serve them. */
import { randomUUID } from "node:crypto";
import { inject } from "vitest";
import { createKubernetesBackend, type KubernetesOptions } from "../../activities/backends/kubernetes/backend.ts";
import { cellLabel, type NetworkIsolation, networkIsolationAnnotation } from "../../core/cluster-names.ts";
import { connectCluster, type NodeControl, type TestCluster } from "../cluster/cluster.ts";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";
import { restrictedNamespace } from "./manifests.ts";

const description = inject("cluster");
if (description === null) throw new Error("these tests need a cluster");

export const cluster: TestCluster = connectCluster(description);

/** The node's controls, for tests that exist only where there are any. */
export const node = (): NodeControl => {
  if (cluster.node) return cluster.node;
  throw new Error("this cluster is not ours to break");
};

/** Runs kubectl as an administrator. @throws where it fails */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, input === undefined ? {} : { input });
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${code}: ${stderr}`);
  return stdout;
}

/** A namespace for cells, as `kgents infra init` leaves it, apart from its policies. */
export interface CellNamespace extends AsyncDisposable {
  readonly name: string;
  readonly apply: (manifest: object) => Promise<string>;
  readonly kubectl: (...args: string[]) => Promise<string>;
  /** The names of the Jobs and pods of cells that are there. */
  readonly left: () => Promise<string[]>;
}

export async function cellNamespace(verdict: NetworkIsolation | null = "enforced"): Promise<CellNamespace> {
  const name = `kgents-test-${randomUUID().slice(0, 8)}`;
  await kubectl(["apply", "-f", "-"], JSON.stringify(restrictedNamespace(name)));
  if (verdict) await kubectl(["annotate", "namespace", name, `${networkIsolationAnnotation}=${verdict}`]);
  const inside = (...args: string[]) => kubectl(["-n", name, ...args]);
  return {
    name,
    apply: (manifest) => kubectl(["-n", name, "apply", "-f", "-"], JSON.stringify(manifest)),
    kubectl: inside,
    left: async () =>
      (await inside("get", "jobs,pods", "-l", cellLabel, "-o", "name")).split("\n").filter((line) => line !== ""),
    [Symbol.asyncDispose]: async () => {
      await kubectl(["delete", "namespace", name, "--wait=false"]);
    },
  };
}

/** A worker in this process that serves cells in a namespace, and nothing else unless told so. */
export async function startClusterWorker(
  namespace: string,
  options: Partial<KubernetesOptions> & {
    readonly configuration?: Record<string, unknown>;
    readonly taskQueue?: string;
  } = {},
): Promise<TestWorker> {
  const { configuration, taskQueue, ...more } = options;
  const backend = createKubernetesBackend({
    kubeconfig: cluster.kubeconfig,
    namespace,
    instance: `test-${randomUUID().slice(0, 8)}`,
    log: () => {},
    ...more,
  });
  return startTestWorker(inject("temporalAddress"), {
    backends: { kubernetes: backend },
    ...(configuration && { configuration }),
    ...(taskQueue !== undefined && { taskQueue }),
  });
}
