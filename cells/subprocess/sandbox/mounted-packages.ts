import { join } from "node:path";
import type { CellShape } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import type { Ecosystem } from "#core/packages/environment";
import { mountedPart, packageDirectories, programDirectories } from "#core/packages/in-cell";
import { holdTree } from "../../packages/hold.ts";
import type { Bind } from "../interpreters/interpreter-command.ts";

/** The packages of a sandbox. */
export interface MountedPackages {
  readonly ecosystem: Ecosystem;
  readonly bind: Bind;
  /** The directory of the programs that they bring, in the sandbox. */
  readonly programs: string;
}

/** Packages in use. */
export interface HeldPackages {
  /** Undefined if the cell has none. */
  readonly packages: MountedPackages | undefined;
  /** Ends the use. Call it when the sandbox is gone. */
  readonly release: () => Promise<void>;
}

/**
 * Takes the packages of a cell into use.
 *
 * @param cacheDirectory that of kgents: see `Paths`
 * @throws KgentsError if they were not prepared, or are gone
 */
export async function holdPackages(
  { environment }: Pick<CellShape, "environment">,
  cacheDirectory: string,
): Promise<HeldPackages> {
  if (environment === undefined) return { packages: undefined, release: async () => {} };
  const { ecosystem, hash } = environment;
  if (hash === null) throw new KgentsError("internal", "the packages of the cell were not prepared");
  const { directory, release } = await holdTree(cacheDirectory, hash);
  const bind = { source: join(directory, mountedPart[ecosystem]), target: packageDirectories[ecosystem] };
  return { packages: { ecosystem, bind, programs: programDirectories[ecosystem] }, release };
}
