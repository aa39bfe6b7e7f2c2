/**
 * What Node is told when a worker is started.
 *
 * V8 lets the young generation of each of the worker's two heaps (its own, and the workflows') grow to semi-spaces of 16 MiB or
 * more. What a run leaves behind fits 4 MiB; what that saves is in docs/performance.md. Only from the command line: V8 does
 * not take it later.
 */
export const workerNodeFlags: readonly string[] = ["--max-semi-space-size=4"];
