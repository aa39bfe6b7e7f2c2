/**
 * The cluster that tests run on. The global set-up brings it up and provides its description; `connectCluster` makes
 * of that, in any test file, the cluster itself.
 *
 * @module
 */

import { run } from "../support/run.ts";
import { nodeControl } from "./native/control.ts";
import type { ClusterDescription, TestCluster } from "./types.ts";

/** Makes the cluster of its description. */
export function connectCluster(description: ClusterDescription): TestCluster {
  const program: [string, ...string[]] = description.node ? [description.node.kubectl, "kubectl"] : ["kubectl"];
  const kubectl: TestCluster["kubectl"] = (args, options) =>
    run([...program, "--kubeconfig", description.kubeconfig, ...args], options);
  return {
    kind: description.kind,
    kubeconfig: description.kubeconfig,
    kubectl,
    node: description.node ? nodeControl(description.node, kubectl) : null,
  };
}
