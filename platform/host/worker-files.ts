/**
 * The files through which a background worker and the commands that use it find each other.
 *
 * The process that starts the worker writes `worker.json` and passes its path as `--identity-file`. The worker writes
 * `worker-ready.json` beside it once it polls. It writes `worker-status.json` at that time and whenever its number of
 * runs changes.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { readStateFile, type Shaped, writeStateFile } from "./state-file.ts";

const identityShape = {
  pid: "number",
  startTime: "string",
  /** Of the program's files. */
  buildHash: "string",
  /** Of the kubeconfig's path and state. */
  kubeconfigHash: "string",
  /** Of PATH, without the entries that npm adds for one command. */
  pathHash: "string",
  /** Of the configuration, and of Temporal's namespace. */
  configHash: "string",
  taskQueue: "string",
  /** Temporal's address. */
  address: "string",
  startedAt: "string",
} as const;
const readyShape = { pid: "number" } as const;
const statusShape = { pid: "number", activeRuns: "number" } as const;

/** The process of a background worker and its settings at the start. */
export type WorkerIdentity = Shaped<typeof identityShape>;
/** Marks that the worker with that process id polls. */
export type WorkerReady = Shaped<typeof readyShape>;
/** The number of runs of the worker with that process id. */
export type WorkerStatus = Shaped<typeof statusShape>;

/** The paths of a background worker's files. */
export interface WorkerFiles {
  readonly identity: string;
  /** The configuration it was started with. */
  readonly configuration: string;
  readonly ready: string;
  readonly status: string;
  readonly log: string;
}

/** The files in a state directory. */
export const workerFiles = (stateDirectory: string): WorkerFiles => ({
  identity: join(stateDirectory, "worker.json"),
  configuration: join(stateDirectory, "worker-config.yaml"),
  ready: join(stateDirectory, "worker-ready.json"),
  status: join(stateDirectory, "worker-status.json"),
  log: join(stateDirectory, "worker.log"),
});

/** The files beside the one that `--identity-file` names. */
export const workerFilesBeside = (identityFile: string): WorkerFiles => workerFiles(dirname(identityFile));

export const readWorkerIdentity = (files: WorkerFiles): Promise<WorkerIdentity | undefined> =>
  readStateFile(files.identity, identityShape);
export const writeWorkerIdentity = (files: WorkerFiles, identity: WorkerIdentity): Promise<void> =>
  writeStateFile(files.identity, identity);

export const readWorkerReady = (files: WorkerFiles): Promise<WorkerReady | undefined> =>
  readStateFile(files.ready, readyShape);
export const writeWorkerReady = (files: WorkerFiles, ready: WorkerReady): Promise<void> =>
  writeStateFile(files.ready, ready);

export const readWorkerStatus = (files: WorkerFiles): Promise<WorkerStatus | undefined> =>
  readStateFile(files.status, statusShape);
export const writeWorkerStatus = (files: WorkerFiles, status: WorkerStatus): Promise<void> =>
  writeStateFile(files.status, status);
