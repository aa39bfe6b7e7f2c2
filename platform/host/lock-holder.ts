import { type FileHandle, open } from "node:fs/promises";
import { errorCode } from "./error-code.ts";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";
import { parseState } from "./state-file.ts";

/** A present or former holder of a lock. */
export interface Holder extends ProcessIdentity {
  /** Unique to this holder. */
  readonly token: string;
}

/** The content of a lock file. */
export const holderShape = { pid: "number", startTime: "string", token: "string" } as const;

/** The file that names the only successor of a dead holder. */
export const claimPath = (path: string, dead: Holder): string => `${path}.${dead.token}.claim`;

/** The holders of a lock, the present one first, then the dead ones that it succeeds and whose files remain. */
export async function holders(path: string): Promise<Holder[]> {
  const chain: Holder[] = [];
  let next = await readHolder(path);
  while (next) {
    chain.unshift(next);
    next = await readHolder(claimPath(path, next));
  }
  return chain;
}

/**
 * A lock file without valid content (a power cut can leave it empty) counts as a dead holder, identified by inode and
 * time.
 */
async function readHolder(path: string): Promise<Holder | undefined> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { ino, mtimeMs } = await file.stat();
    const holder = parseState(await file.readFile("utf8"), holderShape);
    return holder ?? { pid: 0, startTime: "", token: `unreadable-${ino}-${mtimeMs}` };
  } finally {
    await file.close();
  }
}

/** Whether a lock's holder still runs. */
export const isAlive = async (holder: Holder): Promise<boolean> => holder.pid > 0 && (await isRunning(holder));
