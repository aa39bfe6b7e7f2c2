import type { Environments } from "#cells/packages/environments";
import type { ProviderChoice } from "#cells/placement/choose-provider";
import type { WorkerPolicy } from "#core/configuration/configuration";
import type { Language } from "#core/contract/language";
import type { ArtifactStore } from "#platform/store/artifact-store";
import type { RunningCells } from "./running-cells.ts";

/** Whether a run is open, and when it closed; undefined if Temporal does not answer. */
export type RunOpenState =
  | { readonly open: true }
  | { readonly open: false; readonly closedAt: Date | null }
  | undefined;

/** Looks up the state of a run in Temporal. */
export type AskRun = (workflowId: string, runId: string) => Promise<RunOpenState>;

/**
 * Looks up the run ids of the open executions of some workflows in Temporal's visibility index. The index is eventually
 * consistent: a missing run may still be open. Undefined if Temporal does not answer.
 */
export type OpenRuns = (workflowIds: readonly string[]) => Promise<ReadonlySet<string> | undefined>;

/** The dependencies of the activities, provided by the worker. */
export interface ActivityDependencies extends ProviderChoice {
  readonly store: ArtifactStore;
  /** The packages that are kept on this machine. */
  readonly environments: Environments;
  readonly languages: readonly Language[];
  readonly policy: WorkerPolicy;
  /** The task queue of this host. */
  readonly hostTaskQueue: string;
  /** Whether the namespace has the search attributes of kgents. */
  readonly searchAttributes: boolean;
  readonly running: RunningCells;
  readonly askRun: AskRun;
  readonly openRuns: OpenRuns;
}
