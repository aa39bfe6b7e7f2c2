/**
 * An environment: a set of packages, resolved and built for one interpreter.
 *
 * @module
 */

/** The index that packages come from. */
export type Ecosystem = "python" | "npm";

/** What the interpreter of a cell says of itself, as far as packages must fit it. */
export interface PackageRuntime {
  readonly ecosystem: Ecosystem;
  /** Such as `3.13.1` for Python, or `24.1.0` for Node. */
  readonly version: string;
  /** The system, the processor and the C library, such as `x86_64-manylinux_2_28` or `linux-x64-glibc`. */
  readonly platform: string;
}

/** What a run asks for, checked. */
export interface WantedPackages {
  readonly ecosystem: Ecosystem;
  /** At least one, in the order in which they were given. */
  readonly requirements: readonly string[];
  /** The versions of Python that the code needs, from its block: see `inline-block.ts`. */
  readonly requiresPython?: string;
}

/** A built environment. */
export interface Environment extends PackageRuntime {
  /** Identifies its tree: a SHA-256 of ecosystem, version of the language, platform and lock. */
  readonly hash: string;
  /** Its packages, each with its version and the hashes of the files that it may be installed from. */
  readonly lock: string;
}

/** How long it may take in all to install packages for a cell, in seconds, with every attempt at it. */
export const installationSeconds = 1800;

/** The environment of a cell. */
export interface CellEnvironment {
  readonly ecosystem: Ecosystem;
  /** The most bytes that its tree takes on disk. */
  readonly maximumBytes: number;
  /** The hash of its tree; null until it was prepared. */
  readonly hash: string | null;
}

/** The part of a version that decides which builds of packages it can load: `3.13` of Python, `24` of Node. */
export function languageVersion({ ecosystem, version }: Pick<PackageRuntime, "ecosystem" | "version">): string {
  const parts = version.split(".");
  return parts.slice(0, ecosystem === "python" ? 2 : 1).join(".");
}

/**
 * The ecosystem of a language, by the program that runs it.
 *
 * @param command the interpreter and its arguments
 * @returns null if kgents installs no packages for it
 */
export function ecosystemOf(command: readonly string[]): Ecosystem | null {
  const program = command[0]?.split("/").at(-1) ?? "";
  if (/^python[\d.]*$/.test(program)) return "python";
  return program === "node" ? "npm" : null;
}
