import { chmod, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "./error-code.ts";

const folderMode = 0o700;
const fileMode = 0o600;

/**
 * Creates a folder and its missing parents with access for the owner alone, whatever the umask. An existing folder is
 * unchanged.
 */
export async function makePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: folderMode });
  } catch (error) {
    if (errorCode(error) === "EEXIST") return;
    if (errorCode(error) !== "ENOENT") throw error;
    await makePrivateFolder(dirname(path));
    return makePrivateFolder(path);
  }
  // The umask may have removed the owner's rights.
  await chmod(path, folderMode);
}

/** Creates a file that only its owner can read and write, whatever the umask. An existing file keeps its content. */
export async function makePrivateFile(path: string): Promise<void> {
  const file = await open(path, "a", fileMode);
  try {
    await file.chmod(fileMode);
  } finally {
    await file.close();
  }
}
