/**
 * Node flags for a worker.
 *
 * V8 lets the young generation of each of the worker's two heaps (its own, and the workflows') grow to semi-spaces of
 * 16 MiB or more. The objects of a run fit into 4 MiB. The savings are in docs/performance.md. The flag works only on
 * the command line: V8 does not accept it later.
 */
export const workerNodeFlags: readonly string[] = ["--max-semi-space-size=4"];
