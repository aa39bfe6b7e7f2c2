import type { MetricMeter } from "@temporalio/common";
import type { Backend } from "#cells/provider";
import type { Configuration } from "#core/configuration/configuration";
import type { BackendName } from "#core/contract/result";
import type { Paths } from "#platform/host/paths";
import type { DeploymentVersion } from "./deployment.ts";
import type { Logger } from "./logging.ts";

/** How a worker is started. */
export interface WorkerSettings {
  readonly configuration: Configuration;
  readonly paths: Paths;
  readonly log: Logger;
  /** Temporal's address; by default the standard variables and profiles say. */
  readonly address?: string | undefined;
  readonly namespace?: string | undefined;
  /** How long running code may go on after the worker was told to stop, in milliseconds. */
  readonly drainMilliseconds: number;
  /** The version of a worker deployment that this worker is. @default none: it takes runs that belong to no version */
  readonly version?: DeploymentVersion | undefined;
  /** Called when the worker polls. */
  readonly onReady?: (about: { taskQueue: string; hostTaskQueue: string; identity: string }) => Promise<void> | void;
  /** Called when the number of cells that exist or wait changes. */
  readonly onActivity?: (activeRuns: number) => void;
  /** The workflow bundle. @default the one that the build put beside this file */
  readonly bundlePath?: string;
  /** Where metrics go. @default nowhere */
  readonly meter?: MetricMeter | undefined;
  /** More backends, for tests of the workflow's own behaviour. */
  readonly backends?: Partial<Record<BackendName, Backend>>;
}
