import type { PackageRuntime, WantedPackages } from "#core/packages/environment";

/** What every step of an installation has. */
export interface InstallStep {
  /** A directory for the installer's own files, which the caller removes. */
  readonly scratch: string;
  /** The address of the index. @default what the installer is set up with */
  readonly index: string | undefined;
  /** The most bytes that the packages may have. */
  readonly maximumBytes: number;
  readonly signal: AbortSignal;
}

/** Installs the packages of one ecosystem, without executing anything of them. */
export interface PackageInstaller {
  /**
   * Resolves packages for an interpreter.
   *
   * @returns the lock: the same lock gives the same tree
   * @throws KgentsError of a kind `package-...`, or `tool-unavailable`
   */
  readonly resolve: (step: InstallStep, wanted: WantedPackages, runtime: PackageRuntime) => Promise<string>;
  /**
   * Installs the packages of a lock into an empty directory.
   *
   * @throws as `resolve`
   */
  readonly install: (step: InstallStep, lock: string, runtime: PackageRuntime, directory: string) => Promise<void>;
}
