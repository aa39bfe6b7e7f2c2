/**
 * Names that clients and operators depend on: task queues, workflow types, queries, search attributes, memo fields,
 * worker identities.
 *
 * @module
 */

/** The task queue that workflows and host-independent activities use. */
export const defaultTaskQueue = "kgents";

/** The workflow type of one run. Any Temporal SDK can start it with a JSON request. */
export const executeCodeWorkflow = "executeCode";

/** The workflow type that a schedule starts to remove cells without a live run. */
export const sweepCellsWorkflow = "sweepCells";

/** The query that returns the phase of a run: see {@link Phase}. */
export const phaseQuery = "phase";

/** The phase of a run. */
export type Phase = "provisioning" | "executing" | "cleaning-up" | "done";

/** Search attributes of runs, all of type Keyword. Set only if the namespace has them. */
export const searchAttributes = {
  language: "KgentsLanguage",
  backend: "KgentsBackend",
  status: "KgentsStatus",
  requester: "KgentsRequester",
} as const;

/**
 * The memo field that holds the hash of the request. A second request under the same id is refused if its hash differs.
 */
export const requestHashMemo = "kgentsRequestHash";

/**
 * The memo field that holds the request's fields for the list of runs: language, labels, requester, first line of the
 * code.
 */
export const aboutMemo = "kgentsAbout";

/** The requester in log lines if the request names none. Not null, because the SDK omits nulls from a log line. */
export const unknownRequester = "unknown";

/** The Kubernetes namespace of cells, prepared by `kgents infra init`. */
export const cellNamespace = "kgents-ephemeral";

/** The queue of runs that wait for a sandbox slot. Any worker with a free slot takes the next run. */
export const waitingTaskQueue = (taskQueue: string): string => `${taskQueue}-waiting`;

/**
 * The queue of runs that wait for room in the cluster. Separate from the sandbox queue, so that neither blocks the
 * other.
 */
export const clusterWaitingTaskQueue = (taskQueue: string): string => `${taskQueue}-waiting-cluster`;

/** The queue of one host: `execute` and `cleanUp` of a sandbox must run on the machine that holds it. */
export const hostTaskQueue = (taskQueue: string, hostId: string): string => `${taskQueue}-host-${hostId}`;

/**
 * The identity of a worker's pollers. It contains the id of the artifact store, so that a client can see from the
 * queue's pollers whether it can follow output in that store.
 */
export const workerIdentity = (storeId: string, hostId: string, pid: number): string =>
  `kgents/${storeId}/${hostId}/${pid}`;

/**
 * Whether a text is a valid id of a run, a batch or a schedule. No character in it is special to a shell or a terminal.
 */
export const isRunId = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,199}$/.test(text);

/** A host's name in the form used in ids and task queue names. */
export const hostLabel = (hostname: string): string =>
  hostname
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .slice(0, 40);

/** The host and the process id in a worker's identity; undefined if it is not a kgents worker. */
export function processOfIdentity(identity: string): { hostLabel: string; pid: number } | undefined {
  const [, label, pid] = /^kgents\/[^/]+\/(.+)-[0-9a-f]{8}-\d+\/(\d+)$/.exec(identity) ?? [];
  return label === undefined ? undefined : { hostLabel: label, pid: Number(pid) };
}

/** The artifact store id in a worker's identity; undefined if it is not a kgents worker. */
export const storeOfIdentity = (identity: string): string | undefined => /^kgents\/([^/]+)\//.exec(identity)?.[1];
