/**
 * How a Quartermaster is set up, and what it answers.
 *
 * @module
 */

import type { ExecutionResult } from "#core/contract/result";
import type { Job } from "#core/manifest/job-types";

/** Where runs go: a cluster where there is one and else the sandbox, one of the two, or nowhere. */
export type Mode = "auto" | "kubernetes" | "subprocess" | "dry-run";

/** How a Quartermaster is set up. */
export interface QuartermasterOptions<M extends Mode = Mode> {
  /** @default "auto" */
  readonly mode?: M;
  /** Temporal's address. By default what the standard variables and profiles say, and else the local stack. */
  readonly address?: string;
  /** Temporal's namespace. @default what is configured, else `default` */
  readonly namespace?: string;
  /** @default `worker.taskQueue` of the configuration, else `kgents` */
  readonly taskQueue?: string;
  /** The configuration file. @default `KGENTS_CONFIG`, `./kgents.config.yaml`, the user's */
  readonly configurationFile?: string;
  /** Whether the local server and worker are started where nothing is configured and nothing runs. @default true */
  readonly startLocalStack?: boolean;
  /** Told what takes time: installing, starting. */
  readonly onProgress?: (line: string) => void;
}

/** What a dry run answers. */
export interface DryRunResult {
  readonly status: "dry-run";
  /** The Job that would be created. */
  readonly manifest: Job;
}

/** What `execute` answers: in mode `dry-run` the manifest, else the result of the run. */
export type Outcome<M extends Mode> = M extends "dry-run" ? DryRunResult : ExecutionResult;
