import { chmod, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "./error-code.ts";

const folderMode = 0o700;
const fileMode = 0o600;

/** Makes a folder that its owner alone can use, whatever the umask is, with those that lead to it. One that is there stays as it is. */
export async function makePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: folderMode });
  } catch (error) {
    if (errorCode(error) === "EEXIST") return;
    if (errorCode(error) !== "ENOENT") throw error;
    await makePrivateFolder(dirname(path));
    return makePrivateFolder(path);
  }
  // The umask may have taken rights from the owner.
  await chmod(path, folderMode);
}

/** Makes a file that its owner alone can read and write, whatever the umask is. One that is there keeps its content. */
export async function makePrivateFile(path: string): Promise<void> {
  const file = await open(path, "a", fileMode);
  try {
    await file.chmod(fileMode);
  } finally {
    await file.close();
  }
}
