/**
 * A lock that a process holds by a file, and that its death gives free.
 *
 * The file names its holder: process id, start time, and a token of its own. Nobody ever removes the file of another
 * holder, because between looking and removing it may have become somebody else's. Instead the successor of a dead
 * holder is chosen by a second file, named by the dead holder's token and made exclusively: there can be only one. It
 * then replaces the first file by a rename. Should it die before that, its own token names the next one's claim.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { KgentsError } from "#core/contract/error";
import { fullDiskRemedy, namingFullDisk } from "./disk-space.ts";
import { errorCode } from "./error-code.ts";
import { claimPath, type Holder, holderShape, holders, isAlive } from "./lock-holder.ts";
import { identifyProcess, isRunning, type ProcessIdentity } from "./process-identity.ts";
import { readStateFile } from "./state-file.ts";
import { watchUntil } from "./watch-until.ts";

/** A lock that is held. Disposing of it gives it free. */
export interface ProcessLock extends AsyncDisposable {
  readonly release: () => Promise<void>;
}

/** What one attempt brought: the lock, or who holds it. */
export type LockAttempt =
  | { readonly lock: ProcessLock; readonly holder?: never }
  | { readonly holder: ProcessIdentity; readonly lock?: never };

/** Takes a lock if it is free, or if its holder is dead. */
export async function tryLock(path: string): Promise<LockAttempt> {
  const [present] = await holders(path);
  // Looking alone writes nothing: whoever waits for the lock would be woken by it.
  if (present && (await isAlive(present))) return { holder: present };
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const own: Holder = { ...(await identifyProcess()), token: randomUUID() };
  const draft = `${path}.${own.pid}-${own.token}.draft`;
  try {
    await writeFile(draft, JSON.stringify(own), { mode: 0o600 }).catch((error) => {
      throw namingFullDisk(error, `${path} cannot be written`, fullDiskRemedy);
    });
    for (;;) {
      const [holder, ...earlier] = await holders(path);
      if (holder === undefined) {
        if (await linkExclusively(draft, path)) return { lock: held(path, own) };
        continue;
      }
      if (await isAlive(holder)) return { holder };
      const claim = claimPath(path, holder);
      if (!(await linkExclusively(draft, claim))) continue;
      // The dead holder may have been succeeded, and its claim tidied away, before we made ours: then ours leads nowhere.
      if ((await holders(path))[0]?.token !== own.token) {
        await rm(claim, { force: true });
        continue;
      }
      await rename(draft, path);
      await Promise.all([holder, ...earlier].map((dead) => rm(claimPath(path, dead), { force: true })));
      await removeRemains(path);
      return { lock: held(path, own) };
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Takes a lock, waiting for it.
 *
 * @param options.onWait told once who holds it, where it has to be waited for
 * @throws KgentsError `stack-start` when it is still held after that time
 */
export async function acquireLock(
  path: string,
  options: { readonly waitMilliseconds: number; readonly onWait?: (holder: ProcessIdentity) => void },
): Promise<ProcessLock> {
  let holder: ProcessIdentity | undefined;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const lock = await watchUntil(
    path,
    async () => {
      const attempt = await tryLock(path);
      if (attempt.holder && !holder) options.onWait?.(attempt.holder);
      holder = attempt.holder;
      return attempt.lock;
    },
    { timeoutMilliseconds: options.waitMilliseconds },
  );
  if (lock) return lock;
  throw new KgentsError("stack-start", `process ${holder?.pid} holds ${path} and did not let go of it`, {
    remedy: "See what that process does; when it ends, the lock is free.",
  });
}

/** A number that one running process has to itself. */
export interface Slot {
  readonly slot: number;
  readonly release: () => Promise<void>;
}

/** Takes the lowest number that no running process holds: a restarted process gets the number of the one that died. */
export async function claimSlot(directory: string): Promise<Slot> {
  for (let slot = 0; ; slot += 1) {
    const { lock } = await tryLock(join(directory, `slot-${slot}.lock`));
    if (lock) return { slot, release: lock.release };
  }
}

function held(path: string, own: Holder): ProcessLock {
  const release = async (): Promise<void> => {
    // Somebody may have removed the file by hand, and then it is not ours any more.
    if ((await readStateFile(path, holderShape))?.token === own.token) await rm(path, { force: true });
  };
  return { release, [Symbol.asyncDispose]: release };
}

async function linkExclusively(existing: string, path: string): Promise<boolean> {
  try {
    await link(existing, path);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Removes what processes left that died while they tried. What belongs to a living one, it removes itself. */
async function removeRemains(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`)) continue;
    const file = join(dirname(path), name);
    const pid = /\.(\d+)-[^.]+\.draft$/.exec(name)?.[1];
    const owner = pid ? { pid: Number(pid), startTime: "" } : await readStateFile(file, holderShape);
    if (!owner || !(await isRunning(owner))) await rm(file, { force: true });
  }
}
