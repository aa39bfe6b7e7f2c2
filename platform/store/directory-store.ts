/**
 * The artifact store in a directory. Only its owner can read the files.
 *
 * @module
 */
import { chmodSync, createReadStream, createWriteStream, type FSWatcher, mkdirSync, watch } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable, Writable } from "node:stream";
import { namingFullDisk } from "../host/disk-space.ts";
import { isMissing } from "../host/error-code.ts";
import { makePrivateFile, makePrivateFolder } from "../host/private-file.ts";
import { sharedId } from "../host/shared-id.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import { cannotWrite, directoryBlobs } from "./directory-blobs.ts";
import { agreeOnRetention, claimedRounds, expire } from "./directory-expiry.ts";
import { claimRound } from "./expiry-claim.ts";
import { openLiveRuns } from "./live-runs.ts";
import { checkReference, runFolder } from "./references.ts";
import { keepWithinBounds, measure, type StoreBounds, type StoreContent, type Stored } from "./store-bounds.ts";

/** A store in a local directory or one that several machines mount. */
export interface DirectoryStore extends ArtifactStore {
  readonly directory: string;
}

/** Settings of a directory store. */
export interface DirectoryStoreSettings extends StoreBounds {
  /** Called with each removal that makes room. */
  readonly log?: ((line: string) => void) | undefined;
}

/** Newer content is not removed to make room, because it may be in use or about to be used. */
const youngRunMilliseconds = 60_000;
const youngBlobMilliseconds = 24 * 3_600_000;

/** A writer that creates its file with the first byte, because most runs write nothing to stderr. */
function lazyWriter(path: string, offset: number): Writable {
  let file: Writable | undefined;
  const started = async (): Promise<Writable> => {
    if (file) return file;
    await makePrivateFolder(dirname(path));
    // Neither truncate nor append: a worker that was presumed dead may still write the same bytes.
    await makePrivateFile(path);
    file = createWriteStream(path, { flags: "r+", start: offset });
    // Errors reach the caller through the write that failed.
    file.on("error", () => {});
    return file;
  };
  const write = (chunks: Buffer, callback: (error?: Error | null) => void): void => {
    const done = (error?: Error | null): void => callback(error && namingFullDisk(error, cannotWrite));
    started().then((target) => target.write(chunks, done), done);
  };
  return new Writable({
    highWaterMark: 1024 * 1024,
    write: (chunk: Buffer, _encoding, callback) => write(chunk, callback),
    writev: (chunks, callback) => write(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), callback),
    final: (callback) => (file ? file.end(callback) : callback()),
    destroy: (error, callback) => {
      file?.destroy();
      callback(error);
    },
  });
}

/**
 * The polling interval in milliseconds, for machines without free watches and for network file systems, which report no
 * changes.
 */
const lookMilliseconds = 250;

function watchFolder(folder: string, onChange: () => void): () => void {
  const timer = setInterval(onChange, lookMilliseconds);
  let watcher: FSWatcher | undefined;
  try {
    // The worker writes into this folder, so its owner needs access whatever this process's umask.
    if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(folder, 0o700);
    watcher = watch(folder, onChange);
    watcher.on("error", () => watcher?.close());
  } catch {
    // The machine has no watches left. Polling suffices.
  }
  return () => {
    clearInterval(timer);
    watcher?.close();
  };
}

/** Lists the artifacts of a run with their sizes. */
async function listRun(directory: string, key: string): Promise<Map<string, number>> {
  const folder = runFolder(key);
  try {
    const names = await readdir(join(directory, folder));
    const sizes = names.map(async (name): Promise<[string, number]> => {
      const { size } = await stat(join(directory, folder, name));
      return [`${folder}/${name}`, size];
    });
    return new Map(await Promise.all(sizes));
  } catch (error) {
    if (isMissing(error)) return new Map();
    throw error;
  }
}

/** Opens the store in a directory. Creates it if it is missing. */
export async function openDirectoryStore(
  directory: string,
  { log = () => {}, ...bounds }: DirectoryStoreSettings = {},
): Promise<DirectoryStore> {
  await makePrivateFolder(join(directory, "runs"));
  await makePrivateFolder(join(directory, "blobs"));
  const live = openLiveRuns(directory);
  const makeRoom = keepWithinBounds(
    directory,
    bounds,
    async () => lookAround(directory, await live.look()),
    async ({ path }) => {
      // A run may have started to use it since the measurement.
      if ((await live.look()).has(basename(path))) return false;
      await rm(path, { recursive: true, force: true });
      log(`removed ${path}: the store has grown beyond its size`);
      return true;
    },
  );
  const id = await sharedId(join(directory, "store-id"));
  const pathOf = (reference: string): string => join(directory, checkReference(reference));

  return {
    id,
    directory,
    write: (reference, offset = 0) => lazyWriter(pathOf(reference), offset),
    read: (reference, offset, end) =>
      end <= offset ? Readable.from([]) : createReadStream(pathOf(reference), { start: offset, end: end - 1 }),
    list: (key) => listRun(directory, key),
    watch: (key, onChange) => watchFolder(join(directory, runFolder(key)), onChange),
    // Writes go to their final place at once.
    settle: async () => null,
    close: async () => {},
    ...directoryBlobs(directory),
    agreeOnRetention: (namespace, milliseconds) => agreeOnRetention(directory, namespace, milliseconds),
    makeRoom,
    hold: async (key, blobs) => {
      try {
        return await live.hold(key, blobs);
      } catch (error) {
        throw namingFullDisk(error, cannotWrite);
      }
    },
    claimExpiry: async (milliseconds) => claimRound(await claimedRounds(join(directory, "expiry")), milliseconds),
    expire: async (before) => expire(directory, before, await live.look()),
  };
}

/** Measures a store. Closed runs and then unused content may be removed, each oldest first. */
async function lookAround(directory: string, live: ReadonlySet<string>): Promise<StoreContent> {
  let bytes = 0;
  const removable: Stored[] = [];
  for (const [folder, young] of [
    ["runs", youngRunMilliseconds],
    ["blobs", youngBlobMilliseconds],
  ] as const) {
    const old: Stored[] = [];
    for (const name of await readdir(join(directory, folder))) {
      const stored = await measure(join(directory, folder, name));
      if (!stored) continue;
      bytes += stored.bytes;
      if (!live.has(name) && stored.newest < Date.now() - young) old.push(stored);
    }
    removable.push(...old.sort((one, other) => one.newest - other.newest));
  }
  return { bytes, removable };
}
