/** Where the native test cluster keeps what it builds and what it runs (never in the checkout), and where its nodes are. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { kgentsPaths } from "#platform/host/paths";

const product = kgentsPaths();

const stateDirectory = join(dirname(product.state), "kgents-test-cluster");

/** The running cluster's files: all of it goes with the first node. */
export const nodeDirectory = join(stateDirectory, "node");

/** Held while the cluster is brought up or down. */
export const lockFile = join(stateDirectory, "lock");

/** The shell scripts and Go sources beside this file. */
export const sourceDirectory = dirname(fileURLToPath(import.meta.url));

/** A node's place on this machine and in the network. */
export interface NodePlace {
  /** The first node has the control plane, too. */
  readonly role: "first" | "second";
  readonly name: string;
  readonly directory: string;
  readonly address: string;
  /** The other end of its link: of the first node's on the host, of the second's on the first node. */
  readonly gateway: { readonly address: string; readonly interface: string };
  /** The addresses of its pods. */
  readonly pods: string;
  /** Below the root of each hierarchy. */
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

/** What the scripts of a node read. */
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
