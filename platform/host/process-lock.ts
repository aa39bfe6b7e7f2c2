/**
 * A lock file that is held by a process and becomes free when the process dies.
 *
 * The file names its holder: process id, start time, and a unique token. A process never removes another holder's file,
 * because that file may be replaced between the check and the removal. Instead, a second file, named by the dead
 * holder's token and created exclusively, selects the only successor. The successor then replaces the first file by a
 * rename. If it dies before that, its own token names the next claim file.
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

/** A lock that is held. Disposal releases it. */
export interface ProcessLock extends AsyncDisposable {
  readonly release: () => Promise<void>;
}

/** The result of one attempt: the lock or its holder. */
export type LockAttempt =
  | { readonly lock: ProcessLock; readonly holder?: never }
  | { readonly holder: ProcessIdentity; readonly lock?: never };

/** Takes a lock if it is free, or if its holder is dead. */
export async function tryLock(path: string): Promise<LockAttempt> {
  const [present] = await holders(path);
  // Check without writing first: writes in this directory would wake up the processes that wait for the lock.
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
      // Another process may have succeeded the dead holder and removed its claim before ours was created. Our claim is
      // then not part of the chain.
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
 * Takes a lock, and waits until it is free.
 *
 * @param options.onWait called once with the holder if it has to wait
 * @throws KgentsError `stack-start` if the lock is still held after that time
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

/** A number that one running process holds exclusively. */
export interface Slot {
  readonly slot: number;
  readonly release: () => Promise<void>;
}

/** Takes the lowest number that no running process holds. A restarted process gets the number of the one that died. */
export async function claimSlot(directory: string): Promise<Slot> {
  for (let slot = 0; ; slot += 1) {
    const { lock } = await tryLock(join(directory, `slot-${slot}.lock`));
    if (lock) return { slot, release: lock.release };
  }
}

function held(path: string, own: Holder): ProcessLock {
  const release = async (): Promise<void> => {
    // The file may have been removed by hand and taken by another process.
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

/** Removes the drafts and claims of processes that died during an attempt. Running processes remove their own. */
async function removeRemains(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`)) continue;
    const file = join(dirname(path), name);
    const pid = /\.(\d+)-[^.]+\.draft$/.exec(name)?.[1];
    const owner = pid ? { pid: Number(pid), startTime: "" } : await readStateFile(file, holderShape);
    if (!owner || !(await isRunning(owner))) await rm(file, { force: true });
  }
}
