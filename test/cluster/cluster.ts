/**
 * The cluster that tests run on. The global set-up starts it and provides its description, from which `connectCluster`
 * creates the cluster's handle in any test file.
 *
 * @module
 */

import { run } from "../support/run.ts";
import { nodeControl } from "./native/control.ts";
import type { ClusterDescription, TestCluster } from "./types.ts";

/** Creates the handle of a cluster from its description. */
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
