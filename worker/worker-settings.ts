import type { MetricMeter } from "@temporalio/common";
import type { CellProvider } from "#cells/provider";
import type { Configuration } from "#core/configuration/configuration";
import type { BackendName } from "#core/contract/result";
import type { Logger } from "#platform/host/logger";
import type { Paths } from "#platform/host/paths";
import type { DeploymentVersion } from "./deployment.ts";

/** Settings of a worker. */
export interface WorkerSettings {
  readonly configuration: Configuration;
  readonly paths: Paths;
  readonly log: Logger;
  /** Temporal's address. @default from the standard variables and profiles */
  readonly address?: string | undefined;
  readonly namespace?: string | undefined;
  /** How long running code may continue after a stop, in milliseconds. */
  readonly drainMilliseconds: number;
  /** The worker's deployment version. @default none: it takes runs that belong to no version */
  readonly version?: DeploymentVersion | undefined;
  /** Called before the worker connects to Temporal, while the rest of it starts. @default it connects at once */
  readonly beforeConnecting?: () => Promise<void>;
  /** Called once the worker polls. */
  readonly onReady?: (about: { taskQueue: string; hostTaskQueue: string; identity: string }) => Promise<void> | void;
  /** Called when the number of existing and waiting cells changes. */
  readonly onActivity?: (activeRuns: number) => void;
  /** The workflow bundle. @default the one that the build put beside this file */
  readonly bundlePath?: string;
  /** Where metrics go. @default nowhere */
  readonly meter?: MetricMeter | undefined;
  /** Providers instead of the configured ones, for tests of the workflow's own behaviour. */
  readonly providers?: Partial<Record<BackendName, CellProvider>>;
}
