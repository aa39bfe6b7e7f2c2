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
  "invalid-configuration": usage("Correct the configuration file at the place that is named."),
  "policy-violation": final("Ask whoever runs the worker to allow it, or ask for less."),
  "id-conflict": usage("Use another --id, or send the very request that was sent under this one."),
  "not-found": usage("Check the id; history and output are kept for the retention time only."),

  "temporal-unavailable": final("Start the local stack with `kgents up`, or check TEMPORAL_ADDRESS and the profile."),
  "namespace-conflict": final("Remove from the namespace what is named, or use another namespace."),
  "no-worker": final("Start a worker for this Temporal server with `kgents worker`."),
  "worker-lost": final("Look at the worker's log; `kgents status` says whether one is running."),
  "stack-start": final("Look at the log that is named; `kgents status` says what is running."),
  "tool-unavailable": final("Install the tool that is named and run it again."),

  "backend-unavailable": final("Choose another --backend, or use a worker that serves this one."),
  "cluster-unavailable": final("Check that the cluster answers (`kubectl get --raw /readyz`), or allow the fallback."),
  "namespace-missing": final("Prepare the cluster with `kgents infra init`."),
  forbidden: final("Give the worker's service account the role in deploy/."),
  "quota-exceeded": final("Ask for less, or raise the quota that is named."),
  "admission-denied": final("Read the refusal; the namespace's policies do not admit this cell."),
  unschedulable: final("Ask for less cpu or memory, or add a node."),
  "image-pull": final("Check the image's name and the registry's credentials."),
  "cell-start": passing("Look at the reason given; the cell did not start."),
  evicted: final("Ask for more disk or memory; the node took the cell away."),
  "cell-handed-over": passing("Start another worker: it goes on with the cell that this one let go."),
  "cell-deleted": final("Somebody removed the cell from the cluster; run it again if it is still wanted."),
  "node-lost": final("Nothing to correct in the request: the node went away."),

  "sandbox-unavailable": final("Install bubblewrap (`apt install bubblewrap`), or use a cluster."),
  "network-isolation-unavailable": final("Install slirp4netns and nftables, or run without --network."),
  "interpreter-missing": final("Install the language's interpreter on the worker's machine, or use a cluster."),
  "disk-full": passing("Free space on the worker's disk, or let its store have more of it (`artifacts`)."),
  "artifact-unavailable": passing("Check that client and worker share the artifact store."),
  "system-error": passing("Mend on this machine what the system names (space, rights, limits), and run it again."),
  terminated: final("Somebody ended the run from outside; start it again if it is still wanted."),
  internal: passing("This is a defect in kgents: please report it with the run's id."),
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
