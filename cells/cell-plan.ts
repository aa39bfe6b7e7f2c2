import type { CellShape } from "#core/contract/cell-shape";

/**
 * The input from which a cell is created. Its id derives from the run and the attempt of the code, never from an
 * activity's attempt.
 */
export interface CellPlan {
  readonly cellId: string;
  readonly shape: CellShape;
  /**
   * The run that owns the cell. It is recorded on every object that outlives a worker, so that no sweep treats the cell
   * as abandoned.
   */
  readonly owner: { readonly workflowId: string; readonly runId: string };
  /** Makes further annotations for the objects of a cluster. */
  readonly annotations?: () => Promise<Readonly<Record<string, string>>>;
}
