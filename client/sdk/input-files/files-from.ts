import type { StoreFinder } from "../offload.ts";
import { findFiles } from "./find-files.ts";
import { type InputFiles, readFiles } from "./read-files.ts";

/** Options for reading input files. */
export interface FilesFromOptions {
  /**
   * The destination in the work directory. With `.`, the content of the folder goes directly into the work directory.
   *
   * @default its own name; for a path that ends in `.`, such as `project/.`, the work directory itself
   */
  readonly name?: string;
  /** The artifact store for files above 64 KiB, which are otherwise held in memory: `() => quartermaster.store()`. */
  readonly store?: StoreFinder;
}

/**
 * Reads a file or folder of this machine as input files of a request, as `kgents exec --input` does.
 *
 * A folder contributes all its regular files, hidden ones included, ordered by name and with their executable bit, but
 * no empty folders. Symbolic links and special files in it are rejected. If the path itself is a link, it is followed.
 * At most 256 files of 256 MiB together are allowed, which is checked before any is read.
 *
 * @throws KgentsError `invalid-request`, naming the path
 *
 * @example
 * ```ts
 * await quartermaster.execute({ files: await filesFrom("project", { name: "." }), entrypoint: "main.py" });
 * ```
 */
export async function filesFrom(path: string, options: FilesFromOptions = {}): Promise<InputFiles> {
  const { name, store = async () => undefined } = options;
  return readFiles(await findFiles([{ path, name }], "files"), "files", store);
}
