import type { StoreFinder } from "../offload.ts";
import { findFiles } from "./find-files.ts";
import { type InputFiles, readFiles } from "./read-files.ts";

/** Where files go, and how large ones travel. */
export interface FilesFromOptions {
  /**
   * Where it goes in the work directory; `.` means that what is in the folder lies in the work directory itself.
   *
   * @default its own name; for a path that ends in `.`, as `project/.` does, the work directory itself
   */
  readonly name?: string;
  /** Where files above 64 KiB are put at once, instead of being held in memory: `() => quartermaster.store()`. */
  readonly store?: StoreFinder;
}

/**
 * Reads a file, or a whole folder, of this machine as input files of a request: what `kgents exec --input` does.
 *
 * Of a folder come all plain files, hidden ones too, in the order of their names, with whether they are executable; empty
 * folders do not. Symbolic links and special files in it are refused; a link that is itself the path is followed. At most 256
 * files of 256 MiB together, which is looked at before any is read.
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
