/**
 * What both halves of making an environment share: the resolution of its packages, and the build of its tree.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { WorkerPolicy } from "#core/configuration/configuration";
import type { Ecosystem } from "#core/packages/environment";
import type { InstallStep, PackageInstaller } from "./installer.ts";
import type { EnvironmentPaths } from "./paths.ts";

/** Part of every hash. Change it with what a tree contains beside its packages. */
const layout = "1";

/** The settings of the environments of a machine. */
export interface EnvironmentSettings {
  /** That of kgents: see `Paths`. */
  readonly cacheDirectory: string;
  readonly policy: Omit<WorkerPolicy["packages"], "names" | "allow">;
  readonly log: (line: string) => void;
}

/** The hash of what an environment or a resolution is made from. */
export const hashOf = (...parts: readonly string[]): string =>
  createHash("sha256")
    .update(JSON.stringify([layout, ...parts]))
    .digest("hex");

/** Makes one environment. */
export interface Builder {
  readonly paths: EnvironmentPaths;
  readonly settings: EnvironmentSettings;
  readonly installer: PackageInstaller;
  readonly signal: AbortSignal;
}

/** The address of the index; undefined for what the installer is set up with. */
export const indexOf = ({ policy }: EnvironmentSettings, ecosystem: Ecosystem): string | undefined =>
  ecosystem === "python" ? policy.index : policy.npmRegistry;

/** A step of an installation in a directory. */
export const stepIn = (
  { settings }: Builder,
  scratch: string,
  ecosystem: Ecosystem,
  signal: AbortSignal,
): InstallStep => ({
  scratch,
  index: indexOf(settings, ecosystem),
  maximumBytes: settings.policy.maximumBytes,
  signal,
});
