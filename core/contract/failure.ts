/**
 * The failure kinds of a run that could not be carried out. A public contract: names are never reused or changed.
 *
 * Code that exits non-zero, times out or runs out of memory is not a failure: the run completes with a result of that
 * status.
 *
 * @module
 */

interface FailureRule {
  /**
   * Whether `provision` and `execute` are retried after it. Release, removal and salvage are retried after any failure
   * that is not wrong usage: see the lists in workflows/phases.ts.
   */
  readonly retryable: boolean;
  /** The exit code of the command line: 2 for wrong usage, 125 for a run that could not be carried out. */
  readonly exitCode: 2 | 125;
  /** The default for what to do next. An error can override it. */
  readonly remedy: string;
}

const usage = (remedy: string): FailureRule => ({ retryable: false, exitCode: 2, remedy });
const final = (remedy: string): FailureRule => ({ retryable: false, exitCode: 125, remedy });
const passing = (remedy: string): FailureRule => ({ retryable: true, exitCode: 125, remedy });

/** The failure kinds, each with its retry rule, exit code and remedy. */
export const failureKinds = {
  "invalid-request": usage("Correct the field that is named and run it again."),
  "unsupported-language": usage("Use one of the languages listed, or add one under `languages` in kgents.config.yaml."),
  "invalid-configuration": usage("Correct the named setting in the configuration file."),
  "policy-violation": final("Ask the worker's operator to allow it, or request less."),
  "id-conflict": usage("Use another --id, or send exactly the request that was first sent with this one."),
  "not-found": usage("Check the id. History and output are kept only until the namespace's retention ends."),

  "temporal-unavailable": final("Start the local stack with `kgents up`, or check TEMPORAL_ADDRESS and the profile."),
  "namespace-conflict": final("Remove the named object from the namespace, or use another namespace."),
  "no-worker": final("Start a worker for this Temporal server with `kgents worker`."),
  "worker-lost": final("Check the worker's log. `kgents status` says whether a worker is running."),
  "stack-start": final("Check the named log. `kgents status` says what is running."),
  "tool-unavailable": final("Install the named tool and run it again."),

  "backend-unavailable": final("Choose another --backend, or use a worker that serves this one."),
  "cluster-unavailable": final("Check that the cluster answers (`kubectl get --raw /readyz`), or allow the fallback."),
  "namespace-missing": final("Prepare the cluster with `kgents infra init`."),
  forbidden: final("Give the worker's service account the role in deploy/."),
  "quota-exceeded": final("Request less, or raise the named quota."),
  "admission-denied": final("Read the API server's message: an admission policy of the namespace rejects this cell."),
  unschedulable: final("Request less cpu or memory, or add a node."),
  "image-pull": final("Check the image's name and the registry's credentials."),
  "cell-start": passing("Check the reason: the cell did not start."),
  evicted: final("The node evicted the cell. Request more disk or memory."),
  "cell-handed-over": passing("Start another worker: it continues the cell that this worker released."),
  "cell-deleted": final("The cell was deleted from the cluster. Run it again if you still need it."),
  "node-lost": final("The cell's node failed or was removed; the request needs no change."),

  "sandbox-unavailable": final("Install bubblewrap (`apt install bubblewrap`), or use a cluster."),
  "network-isolation-unavailable": final("Install slirp4netns and nftables, or run without --network."),
  "interpreter-missing": final("Install the language's interpreter on the worker's machine, or use a cluster."),
  "package-not-found": final("Check the package's name and version, and the index that the worker uses."),
  "package-wheel-missing": final("Ask for a version that has a wheel for this platform, or use another image."),
  "package-conflict": final("Relax the versions that exclude each other."),
  "package-too-large": final("Ask for less, or raise `worker.packages.maximumBytes`."),
  "package-index-unavailable": passing(
    "Check that the worker reaches the index (`worker.packages`), and run it again.",
  ),
  "package-install": passing("Read the installer's message."),
  "disk-full": passing("Free space on the worker's disk, or raise the limits of its artifact store (`artifacts`)."),
  "artifact-unavailable": passing("Check that client and worker share the artifact store."),
  "system-error": passing(
    "Fix on this machine what the operating system reports (space, permissions, limits), and run it again.",
  ),
  "session-closed": final("Open another session. The files of its last checkpoint are in the artifact store."),
  "session-lost": final("Open another session: this one was not to continue without its names (restore: never)."),
  "session-busy": final("Send the same update again, with the same update id, in a moment."),

  terminated: final("The run was terminated. Start it again if you still need it."),
  internal: passing("This is a bug in kgents: please report it with the run's id."),
} as const satisfies Record<string, FailureRule>;

/** The name of a failure; the `type` of the ApplicationFailure that a failed workflow carries. */
export type FailureKind = keyof typeof failureKinds;

/** Whether a value names a failure kind of kgents. */
export const isFailureKind = (value: unknown): value is FailureKind =>
  typeof value === "string" && Object.hasOwn(failureKinds, value);

/** Whether a failure is wrong usage: a retry always fails the same way. */
export const isWrongUsage = (kind: FailureKind): boolean => failureKinds[kind].exitCode === 2;

/** The kinds after which `provision` and `execute` are not retried. */
export const nonRetryableKinds: readonly FailureKind[] = Object.keys(failureKinds)
  .filter(isFailureKind)
  .filter((kind) => !failureKinds[kind].retryable);

/** The first detail of the ApplicationFailure. */
export interface FailureDetails {
  kind: FailureKind;
  /** The field of the request that was refused. */
  field?: string;
  /** What to do next. */
  remedy: string;
}
