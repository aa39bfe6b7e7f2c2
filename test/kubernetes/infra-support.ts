/** Helpers for the tests of `kgents infra`: the cluster, their own namespaces, and the built command line. */
import { randomUUID } from "node:crypto";
import { inject } from "vitest";
import { createCommandLine } from "../support/command-line.ts";
import { cluster, kubectl as runKubectl } from "./support.ts";

export { cluster } from "./support.ts";

/** Runs kubectl as an administrator. Throws if it fails. */
export const kubectl = (args: readonly string[], input?: object): Promise<string> =>
  runKubectl(args, input && JSON.stringify(input));

/** A unique name for a namespace. */
export const freshName = (): string => `kgents-infra-test-${randomUUID().slice(0, 8)}`;

/** The names of objects in a namespace, each as `kind/name`. */
export const namesOf = async (namespace: string, kinds: string, ...more: string[]): Promise<string[]> =>
  (await kubectl(["-n", namespace, "get", kinds, "-o", "name", ...more])).split("\n").filter(Boolean).sort();

/** Removes the tests' namespaces and what belongs to them. Missing ones are not an error. */
export async function removeNamespaces(names: readonly string[]): Promise<void> {
  await kubectl(["delete", "namespace", "--ignore-not-found", "--wait=false", ...names]);
  const admission = "validatingadmissionpolicybinding,validatingadmissionpolicy";
  await kubectl(["delete", admission, "--ignore-not-found", ...names.map((name) => `kgents-cells.${name}`)]);
}

/** The built command line, configured for the cluster. */
export const createTerminal = () =>
  createCommandLine({
    environment: { KUBECONFIG: cluster.kubeconfig, KGENTS_TEMPORAL_CLI: inject("temporalBinary") },
  });
