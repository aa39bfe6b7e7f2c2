/**
 * The names that others depend on: task queue, workflow type, query, search attributes, environment variables.
 *
 * @module
 */

/** The task queue that workflows and host-independent activities use. */
export const defaultTaskQueue = "kgents";

/** The workflow type that carries one run. Startable from any Temporal SDK with a JSON request. */
export const executeCodeWorkflow = "executeCode";

/** The workflow type that a schedule starts to take away cells that no live run owns. */
export const sweepCellsWorkflow = "sweepCells";

/** The query that answers with the phase of a run: see {@link Phase}. */
export const phaseQuery = "phase";

/** Where a run is. */
export type Phase = "provisioning" | "executing" | "cleaning-up" | "done";

/** Search attributes (all of type Keyword) that runs carry where the namespace has them. */
export const searchAttributes = {
  language: "KgentsLanguage",
  backend: "KgentsBackend",
  status: "KgentsStatus",
  requester: "KgentsRequester",
} as const;

/** The memo field that holds the hash of the request: the same id with another request is refused. */
export const requestHashMemo = "kgentsRequestHash";

/** The memo field that holds what the list of runs shows of a request: language, labels, requester, first line of the code. */
export const aboutMemo = "kgentsAbout";

/** What log lines call the requester of a run whose request names none: the SDK leaves nulls out of a line. */
export const unknownRequester = "unknown";

/** The namespace in a cluster that `kgents infra init` prepares and that cells live in. */
export const cellNamespace = "kgents-ephemeral";

/** The queue of runs that wait for a place among the sandboxes: any worker with a free place takes the next. */
export const waitingTaskQueue = (taskQueue: string): string => `${taskQueue}-waiting`;

/** The queue of runs that wait for a place in the cluster: one of their own, so that neither wait stands before the other. */
export const clusterWaitingTaskQueue = (taskQueue: string): string => `${taskQueue}-waiting-cluster`;

/** The queue of one host: execute and clean-up of a sandboxed process go to the machine that holds it. */
export const hostTaskQueue = (taskQueue: string, hostId: string): string => `${taskQueue}-host-${hostId}`;

/**
 * The identity under which a worker polls. It names the artifact store, so that a client learns from the pollers of the
 * queue whether it can follow output there.
 */
export const workerIdentity = (storeId: string, hostId: string, pid: number): string =>
  `kgents/${storeId}/${hostId}/${pid}`;

/** Whether a text can be the id of a run, a batch or a schedule: nothing in it means anything to a shell or a terminal. */
export const isRunId = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,199}$/.test(text);

/** A host's name as it stands in ids and task queues. */
export const hostLabel = (hostname: string): string =>
  hostname
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .slice(0, 40);

/** The host and the process that a worker's identity names; undefined where it is no worker of ours. */
export function processOfIdentity(identity: string): { hostLabel: string; pid: number } | undefined {
  const [, label, pid] = /^kgents\/[^/]+\/(.+)-[0-9a-f]{8}-\d+\/(\d+)$/.exec(identity) ?? [];
  return label === undefined ? undefined : { hostLabel: label, pid: Number(pid) };
}

/** The store that a worker's identity names; undefined where it is no worker of ours. */
export const storeOfIdentity = (identity: string): string | undefined => /^kgents\/([^/]+)\//.exec(identity)?.[1];
