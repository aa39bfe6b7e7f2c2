/**
 * The options and results of a Quartermaster.
 *
 * @module
 */

import type { ExecutionResult } from "#core/contract/result";
import type { Job } from "#core/manifest/job-types";

/** Where runs go: to a cluster if there is one and else to the sandbox, to one of the two, or nowhere. */
export type Mode = "auto" | "kubernetes" | "subprocess" | "dry-run";

/** How a Quartermaster is set up. */
export interface QuartermasterOptions<M extends Mode = Mode> {
  /** @default "auto" */
  readonly mode?: M;
  /** Temporal's address. @default from the standard variables and profiles, else the local stack */
  readonly address?: string;
  /** Temporal's namespace. @default the configured one, else `default` */
  readonly namespace?: string;
  /** @default `worker.taskQueue` of the configuration, else `kgents` */
  readonly taskQueue?: string;
  /**
   * The configuration file.
   *
   * @default the one that `KGENTS_CONFIG` names, else the user's own, with what `./kgents.config.yaml` is permitted to set
   */
  readonly configurationFile?: string;
  /** Whether to start the local server and worker if nothing is configured and nothing runs. @default true */
  readonly startLocalStack?: boolean;
  /** Called with progress messages about slow steps: installing, starting. */
  readonly onProgress?: (line: string) => void;
}

/** The result of a dry run. */
export interface DryRunResult {
  readonly status: "dry-run";
  /** The Job that would be created. */
  readonly manifest: Job;
}

/** The result of `execute`: in mode `dry-run` the manifest, else the result of the run. */
export type Outcome<M extends Mode> = M extends "dry-run" ? DryRunResult : ExecutionResult;
