/**
 * Where the native test cluster keeps its builds and running state (never in the checkout), and the places of its
 * nodes.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { kgentsPaths } from "#platform/host/paths";

const product = kgentsPaths();

const stateDirectory = join(dirname(product.state), "kgents-test-cluster");

/** The running cluster's files. Removed with the first node. */
export const nodeDirectory = join(stateDirectory, "node");

/** Held while the cluster is started or stopped. */
export const lockFile = join(stateDirectory, "lock");

/** The directory of the shell scripts and Go sources. */
export const sourceDirectory = dirname(fileURLToPath(import.meta.url));

/** A node's place on this machine and in the network. */
export interface NodePlace {
  /** The first node has the control plane, too. */
  readonly role: "first" | "second";
  readonly name: string;
  readonly directory: string;
  readonly address: string;
  /** The other end of its link: on the host for the first node, on the first node for the second. */
  readonly gateway: { readonly address: string; readonly interface: string };
  /** The addresses of its pods. */
  readonly pods: string;
  /** Relative to the root of each hierarchy. */
  readonly controlGroup: string;
}

export const firstNode: NodePlace = {
  role: "first",
  name: "kgents-test",
  directory: nodeDirectory,
  address: "10.99.0.2",
  gateway: { address: "10.99.0.1", interface: "kg0" },
  pods: "10.244.0.0/24",
  controlGroup: "kgents-test",
};

export const secondNode: NodePlace = {
  role: "second",
  name: "kgents-test-second",
  directory: join(nodeDirectory, "second"),
  address: "10.99.0.6",
  gateway: { address: "10.99.0.5", interface: "kg2" },
  pods: "10.244.1.0/24",
  controlGroup: "kgents-test/second",
};

/** The environment of a node's scripts. */
export const placeEnvironment = (place: NodePlace): Record<string, string> => ({
  ROLE: place.role,
  DIRECTORY: place.directory,
  NODE_NAME: place.name,
  NODE_ADDRESS: place.address,
  GATEWAY_ADDRESS: place.gateway.address,
  GATEWAY_INTERFACE: place.gateway.interface,
  POD_ADDRESSES: place.pods,
  CONTROL_GROUP: place.controlGroup,
});
