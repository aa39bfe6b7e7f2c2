import type { CellLimiter } from "#cells/placement/cell-limiter";
import type { WaitingLine } from "#cells/placement/waiting-line";
import type { Backend } from "#cells/provider";
import type { WorkerPolicy } from "#core/configuration/configuration";
import type { Language } from "#core/contract/language";
import type { BackendName } from "#core/contract/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import type { RunningCells } from "./running-cells.ts";

/** Whether a run is still open, and since when it is not; undefined where Temporal cannot tell now. */
export type RunState = { readonly open: true } | { readonly open: false; readonly closedAt: Date | null } | undefined;

/** Asks Temporal about a run. */
export type AskRun = (workflowId: string, runId: string) => Promise<RunState>;

/**
 * The run ids of the open executions of some workflows, by Temporal's index: it may be behind, so one that is missing here need not be over. Undefined where
 * Temporal cannot tell now.
 */
export type OpenRuns = (workflowIds: readonly string[]) => Promise<ReadonlySet<string> | undefined>;

/** What the activities are wired with, by the worker. */
export interface ActivityDependencies {
  readonly store: ArtifactStore;
  /** The backends this worker serves; one that is missing here is not served. */
  readonly backends: Partial<Record<BackendName, Backend>>;
  /** Why no cluster is served although one was named, in words; undefined where one is served, or none was ever named. */
  readonly missingCluster?: string | undefined;
  readonly languages: readonly Language[];
  readonly policy: WorkerPolicy;
  /** The task queue of this host. */
  readonly hostTaskQueue: string;
  /** Whether the namespace has our search attributes. */
  readonly searchAttributes: boolean;
  /** The places of sandboxes. */
  readonly limiter: CellLimiter;
  /** Runs that wait here for a place in the cluster. */
  readonly line: WaitingLine;
  readonly running: RunningCells;
  readonly askRun: AskRun;
  readonly openRuns: OpenRuns;
}
