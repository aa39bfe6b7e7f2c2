import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { makeReadable } from "../sandbox/make-readable.ts";

/** Whether there is anything at a path. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/**
 * Creates a directory that cells may see, or finds an existing one. It appears with all of its content at once. The
 * workers of a machine may prepare the same one at the same time.
 *
 * @param parent used by the workers of this machine only
 * @param name contains a hash of the content
 * @param fill writes the content into an empty directory
 * @returns its path
 */
export async function prepareDirectory(
  parent: string,
  name: string,
  fill: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = join(parent, name);
  if (await exists(directory)) return directory;
  await mkdir(parent, { recursive: true, mode: 0o755 });
  const temporary = await mkdtemp(join(parent, "new-"));
  try {
    await fill(temporary);
    await makeReadable(temporary);
    await rename(temporary, directory);
  } catch (error) {
    // Another worker created it first.
    if (!(await exists(directory))) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return directory;
}
