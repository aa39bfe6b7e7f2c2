import { chmod, copyFile, mkdir, realpath, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/**
 * Creates a copy of the machine's shell that its owner can execute but not read.
 *
 * If the worker is an ordinary user, the supervisor has the code's uid, and the code could write the supervisor's
 * memory through /proc, and so forge its own exit status. The kernel denies unprivileged access to the memory of a
 * process whose executable the caller cannot read.
 *
 * @param directory used by this worker only
 * @returns the path of the copy
 */
export async function unreadableShell(directory: string): Promise<string> {
  const shell = await realpath("/bin/sh");
  const { mtimeMs, size, ino } = await stat(shell);
  const path = join(directory, `sh-${ino}-${size}-${Math.trunc(mtimeMs)}`);
  if (await stat(path).catch(() => undefined)) return path;
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const temporary = `${path}.${process.pid}`;
  try {
    await copyFile(shell, temporary);
    await chmod(temporary, 0o111);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  return path;
}
