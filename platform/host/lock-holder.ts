import { type FileHandle, open } from "node:fs/promises";
import { errorCode } from "./error-code.ts";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";
import { parseState } from "./state-file.ts";

/** Who holds a lock, or held it. */
export interface Holder extends ProcessIdentity {
  /** Unlike that of any other holder. */
  readonly token: string;
}

/** What a lock's file holds. */
export const holderShape = { pid: "number", startTime: "string", token: "string" } as const;

/** The file in which a dead holder's only successor is named. */
export const claimPath = (path: string, dead: Holder): string => `${path}.${dead.token}.claim`;

/** Who holds the lock, the present holder first, and before it the dead ones that were succeeded but not yet replaced. */
export async function holders(path: string): Promise<Holder[]> {
  const chain: Holder[] = [];
  let next = await readHolder(path);
  while (next) {
    chain.unshift(next);
    next = await readHolder(claimPath(path, next));
  }
  return chain;
}

/** A file without a holder in it (a power cut leaves it empty) stands for a dead one, told apart by its inode and time. */
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
