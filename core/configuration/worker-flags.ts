/** The flags of `kgents worker`. They take precedence over the configuration. */
export interface WorkerCommandFlags {
  readonly address?: string;
  readonly namespace?: string;
  readonly taskQueue?: string;
  readonly backends?: string[];
  readonly maximumCells?: number;
  readonly metricsPort?: number;
  readonly metricsHost: string;
  readonly healthPort?: number;
  readonly healthHost?: string;
  readonly deployment?: string;
  readonly buildId?: string;
  readonly drain: string;
  readonly config?: string;
}
