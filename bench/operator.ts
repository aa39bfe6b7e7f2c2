import { EventEmitter, once } from "node:events";
import { createClusterClient } from "#cells/kubernetes/api/cluster-client";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import { informObjects } from "#cells/kubernetes/api/object-informer";
import { createObjects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { parseAgent } from "#core/agents/agent";
import { renderChildren } from "#core/agents/children";
import { networkIsolationAnnotation } from "#core/manifest/cluster-names";
import type { TestCluster } from "../test/cluster/types.ts";
import { createCommandLine } from "../test/support/command-line.ts";
import { openCluster } from "./open-cluster.ts";
import { type Comparison, inPairs, timed } from "./statistics.ts";

const rounds = 50;

/** An Agent without pods, so that no pod's start is measured. Each port is another pod template. */
const agentWith = (name: string, namespace: string, port: number) => ({
  ...{ apiVersion: "kgents.io/v1", kind: "Agent", metadata: { name, namespace } },
  spec: { genus: "B", replicas: 0, command: ["true"], port },
});

/** The Deployment that the operator would make, as an object of nobody. */
function deploymentWith(name: string, namespace: string, port: number): KubernetesJson {
  const { agent } = parseAgent(agentWith(name, namespace, port));
  const found = agent && renderChildren(agent).find(({ kind }) => kind === "Deployment");
  if (!found) throw new Error("the Agent of the benchmark is wrong");
  return found;
}

interface Deployment extends KubernetesJson {
  readonly spec?: {
    readonly template?: {
      readonly spec?: { readonly containers?: readonly { ports?: readonly { containerPort: number }[] }[] };
    };
  };
}

const portOf = ({ spec }: Deployment): number | undefined =>
  spec?.template?.spec?.containers?.[0]?.ports?.[0]?.containerPort;

/** Sees the ports of Deployments, by a watch. */
async function watchPorts(cluster: TestCluster, namespace: string) {
  const client = await createClusterClient({ kubeconfig: cluster.kubeconfig, namespace });
  const seen = new EventEmitter();
  const informer = informObjects<Deployment, number | undefined>(
    client,
    { type: resourceTypes.Deployment, namespace, keyOf: ({ metadata }) => metadata?.name ?? "", toItem: portOf },
    () => {},
  );
  informer.onChange((name) => seen.emit(`${name} ${informer.of(name)[0]}`));
  return { client, until: (name: string, port: number) => once(seen, `${name} ${port}`), close: informer.close };
}

const line = (what: string, { ours, peer, ratio }: Comparison, goal: string): string =>
  `${what}: ours ${ours.toFixed(0)} ms, peer ${peer.toFixed(0)} ms, ratio ${ratio.toFixed(2)} (goal ${goal})`;

/**
 * Measures from the change of an Agent to the change of its Deployment, beside the change of a Deployment itself, with
 * kubectl and with the API.
 */
export async function* measureOperator(): AsyncGenerator<string> {
  const { cluster, down } = await openCluster();
  const namespace = `bench-${process.pid}`;
  try {
    await cluster.kubectl(["apply", "--server-side", "-f", "deploy/agents/1-crd.yaml"]);
    await cluster.kubectl(["create", "namespace", namespace]);
    await cluster.kubectl(["annotate", "namespace", namespace, `${networkIsolationAnnotation}=enforced`]);
    await using commands = await createCommandLine({ environment: { KUBECONFIG: cluster.kubeconfig } });
    const operator = commands.start(["operator", "--namespace", namespace]);
    await using stack = new AsyncDisposableStack();
    stack.defer(async () => {
      operator.child.kill("SIGTERM");
      await operator.ended;
    });
    await operator.says("stderr", "this operator leads");
    const { client, until, close } = await watchPorts(cluster, namespace);
    stack.defer(close);
    const objects = createObjects(client);
    let port = 2000;
    const byKubectl = async (object: object): Promise<void> => {
      const { code, stderr } = await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(object) });
      if (code !== 0) throw new Error(stderr);
    };
    const byApi = async (object: object): Promise<void> => {
      await objects.apply(object, { fieldManager: "bench", force: true });
    };
    const changes = (name: string, render: (port: number) => object, apply: (object: object) => Promise<void>) => () =>
      timed(async () => {
        port += 1;
        const changed = until(name, port);
        await apply(render(port));
        await changed;
      });
    const agent = (name: string) => (to: number) => agentWith(name, namespace, to);
    const plain = (name: string) => (to: number) => deploymentWith(name, namespace, to);
    const kubectl = [
      changes("k-agent", agent("k-agent"), byKubectl),
      changes("k-plain", plain("k-plain"), byKubectl),
    ] as const;
    yield line(
      "an Agent by kubectl apply, beside its Deployment; p50",
      await inPairs(rounds, 3, ...kubectl),
      "<= 2, <= 150 ms",
    );
    const api = [changes("a-agent", agent("a-agent"), byApi), changes("a-plain", plain("a-plain"), byApi)] as const;
    yield line("the same by the API", await inPairs(rounds, 3, ...api), "none");
  } finally {
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
    await down();
  }
}
