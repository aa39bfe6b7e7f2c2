/** What the tests of `kgents infra` share: the cluster, namespaces of their own, and the built command line on it. */
import { randomUUID } from "node:crypto";
import { inject } from "vitest";
import { connectCluster } from "../cluster/cluster.ts";
import { createCommandLine } from "../support/command-line.ts";

const description = inject("cluster");
if (description === null) throw new Error("these tests need a cluster");

export const cluster = connectCluster(description);

/** A namespace's name that nobody else uses. */
export const freshName = (): string => `kgents-infra-test-${randomUUID().slice(0, 8)}`;

/** Runs kubectl as an administrator, and insists on its success. */
export async function kubectl(args: readonly string[], input?: object): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, input ? { input: JSON.stringify(input) } : {});
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${code}: ${stderr}`);
  return stdout;
}

/** The names of objects in a namespace, each as `kind/name`. */
export const namesOf = async (namespace: string, kinds: string, ...more: string[]): Promise<string[]> =>
  (await kubectl(["-n", namespace, "get", kinds, "-o", "name", ...more])).split("\n").filter(Boolean).sort();

/** Removes namespaces that tests made, by whatever means; those that are gone are no error. */
export const removeNamespaces = (names: readonly string[]): Promise<string> =>
  kubectl(["delete", "namespace", "--ignore-not-found", "--wait=false", ...names]);

/** The built command line, with the cluster as its own. */
export const createTerminal = () =>
  createCommandLine({
    environment: { KUBECONFIG: cluster.kubeconfig, KGENTS_TEMPORAL_CLI: inject("temporalBinary") },
  });
