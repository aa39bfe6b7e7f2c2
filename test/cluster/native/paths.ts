/** Where the native test cluster keeps what it builds and what it runs: never in the checkout. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { kgentsPaths } from "../../../activities/host/paths.ts";

const product = kgentsPaths();

const stateDirectory = join(dirname(product.state), "kgents-test-cluster");

/** The running node's files: all of it goes with the node. */
export const nodeDirectory = join(stateDirectory, "node");

/** Held while the cluster is brought up or down. */
export const lockFile = join(stateDirectory, "lock");

/** The shell scripts and Go sources beside this file. */
export const sourceDirectory = dirname(fileURLToPath(import.meta.url));

export const addresses = { node: "10.99.0.2", host: "10.99.0.1", name: "kgents-test" } as const;

/** The host's end of the pair of interfaces; the node renames nothing, so its own end is `kg1`. */
export const hostInterface = "kg0";
