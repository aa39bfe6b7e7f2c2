import { chmod, readdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * Makes a directory and everything in it readable to all users, regardless of the umask. Symbolic links are left alone.
 */
export async function makeReadable(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await makeReadable(path);
    else if (entry.isFile()) await chmod(path, 0o644);
  }
}
