/**
 * The files as they are staged in git, which is what a commit will contain.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { KgentsError } from "#core/contract/error";
import { git } from "./git.ts";

/** A copy of the staged files. Disposing of it removes it. */
export interface StagedFiles extends AsyncDisposable {
  /** The copy of the working directory. */
  readonly directory: string;
  /** The copy of a path that is relative to the working directory. */
  readonly path: (relative: string) => string;
}

/**
 * Copies the staged files of the working directory to a temporary one. While a commit of some files only is made, git
 * names the index of that commit in the environment, and that one counts.
 *
 * @throws KgentsError `invalid-request` outside of a git working tree
 */
export async function stagedFiles(): Promise<StagedFiles> {
  const prefix = (await git(["rev-parse", "--show-prefix"])).trim();
  const copy = await mkdtemp(join(tmpdir(), "kgents-staged-"));
  const remove = (): Promise<void> => rm(copy, { recursive: true, force: true });
  try {
    // Of the working directory only, by way of a list: the whole repository may be large.
    const names = await git(["ls-files", "-z", "--", "*.md", "*.yaml", "*.yml"]);
    await git(["checkout-index", "--force", "--quiet", "-z", "--stdin", `--prefix=${copy}/`], names);
  } catch (error) {
    await remove();
    throw error;
  }
  const directory = join(copy, prefix);
  return {
    directory,
    path: (relative) => {
      if (!isAbsolute(relative)) return join(directory, relative);
      throw new KgentsError("invalid-request", `--output: got ${relative}; with --staged allowed is a relative path`, {
        field: "--output",
      });
    },
    [Symbol.asyncDispose]: remove,
  };
}
