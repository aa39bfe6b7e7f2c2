/**
 * The artifact store: output streams while the code runs, output files, and content too large for a request. This one is
 * a directory; the interface is what a bucket will implement.
 *
 * @module
 */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { KgentsError } from "../../core/error.ts";
import { sharedId } from "../host/shared-id.ts";
import { blobReference, checkReference } from "./references.ts";

/** Where artifacts are kept. Only the owner can read what lies in it. */
export interface ArtifactStore {
  /** Tells whether two processes see the same store: a random id, made with the store. */
  readonly id: string;
  /** The directory, for followers that watch it. */
  readonly directory: string;
  /**
   * Opens an artifact to be written from an offset on; it and its folder come into being with the first byte. Two who write
   * the same bytes at the same places do no harm.
   */
  readonly write: (reference: string, offset?: number) => Writable;
  /** Reads an artifact from an offset; one that was never written reads as empty. */
  readonly read: (reference: string, offset?: number, end?: number) => Readable | undefined;
  /** The length in bytes; 0 for one that was never written. */
  readonly size: (reference: string) => Promise<number>;
  /** Keeps content by its SHA-256. */
  readonly putBlob: (content: Readable) => Promise<{ artifact: string; bytes: number }>;
  /**
   * Opens content by its SHA-256.
   *
   * @param bytes its length, as the request gives it and bounds were checked with
   * @throws KgentsError `artifact-unavailable`
   */
  readonly openBlob: (sha256: string, bytes: number) => Promise<Readable>;
  /**
   * Says how long the history of one namespace is kept, and answers the longest that any namespace with this store has said:
   * workers of several servers may share it, and none may remove what another's history still refers to.
   */
  readonly agreeOnRetention: (namespace: string, milliseconds: number) => Promise<number>;
  /** Removes what was last written before a moment. Returns how many folders and blobs that were. */
  readonly expire: (before: Date) => Promise<number>;
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";

/** A writer that creates its file with the first byte: most runs write nothing to stderr. */
function lazyWriter(path: string, offset: number): Writable {
  let file: Writable | undefined;
  const started = async (): Promise<Writable> => {
    if (file) return file;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // Neither emptied nor appended to: a worker that was taken for dead may still write the same bytes.
    await (await open(path, "a", 0o600)).close();
    file = createWriteStream(path, { flags: "r+", start: offset });
    // Failures reach the caller through the write that met them.
    file.on("error", () => {});
    return file;
  };
  const write = (chunks: Buffer, callback: (error?: Error | null) => void): void => {
    started().then(
      (target) => target.write(chunks, callback),
      (error: Error) => callback(error),
    );
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

/** Opens the store in a directory, and makes it where it is not there. */
export async function openArtifactStore(directory: string): Promise<ArtifactStore> {
  await mkdir(join(directory, "runs"), { recursive: true, mode: 0o700 });
  await mkdir(join(directory, "blobs"), { recursive: true, mode: 0o700 });
  const id = await sharedId(join(directory, "store-id"));
  const pathOf = (reference: string): string => join(directory, checkReference(reference));

  const size = async (reference: string): Promise<number> => {
    try {
      return (await stat(pathOf(reference))).size;
    } catch (error) {
      if (isMissing(error)) return 0;
      throw error;
    }
  };

  return {
    id,
    directory,
    size,
    write: (reference, offset = 0) => lazyWriter(pathOf(reference), offset),
    read: (reference, offset = 0, end = Number.POSITIVE_INFINITY) =>
      end <= offset ? undefined : createReadStream(pathOf(reference), { start: offset, end: end - 1 }),
    putBlob: async (content) => {
      const temporary = join(directory, "blobs", `.${randomUUID()}`);
      const hash = createHash("sha256");
      let bytes = 0;
      try {
        await pipeline(
          content,
          async function* (source) {
            for await (const chunk of source) {
              const buffer = Buffer.from(chunk);
              hash.update(buffer);
              bytes += buffer.length;
              yield buffer;
            }
          },
          // Flushed before it gets its name: a name must never stand for less than its content.
          createWriteStream(temporary, { mode: 0o600, flush: true }),
        );
        const artifact = hash.digest("hex");
        await rename(temporary, pathOf(blobReference(artifact)));
        return { artifact, bytes };
      } finally {
        await rm(temporary, { force: true });
      }
    },
    openBlob: async (sha256, bytes) => {
      const path = pathOf(blobReference(sha256));
      const file = await open(path).catch((error) => {
        throw new KgentsError("artifact-unavailable", `the artifact ${sha256} is not in this worker's store`, {
          cause: error,
        });
      });
      const { size } = await file.stat();
      if (size !== bytes) {
        await file.close();
        throw new KgentsError("artifact-unavailable", `the artifact ${sha256} has ${size} bytes, and not ${bytes}`);
      }
      // Used again: it counts as new for the expiry.
      await utimes(path, new Date(), new Date());
      return file.createReadStream();
    },
    agreeOnRetention: async (namespace, milliseconds) => {
      const folder = join(directory, "retention");
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const name = createHash("sha256").update(namespace).digest("hex").slice(0, 32);
      await writeFile(join(folder, name), String(milliseconds), { mode: 0o600 });
      const said = await Promise.all((await readdir(folder)).map((other) => readFile(join(folder, other), "utf8")));
      return Math.max(milliseconds, ...said.map(Number).filter(Number.isFinite));
    },
    expire: async (before) => {
      let removed = 0;
      for (const folder of ["runs", "blobs"]) {
        for (const name of await readdir(join(directory, folder))) {
          const path = join(directory, folder, name);
          if ((await newestChange(path)) >= before.getTime()) continue;
          await rm(path, { recursive: true, force: true });
          removed += 1;
        }
      }
      return removed;
    },
  };
}

/** When a file, or anything in a folder, was last written. */
async function newestChange(path: string): Promise<number> {
  try {
    const own = await stat(path);
    if (!own.isDirectory()) return own.mtimeMs;
    const inside = await Promise.all((await readdir(path)).map((name) => newestChange(join(path, name))));
    return Math.max(own.mtimeMs, ...inside);
  } catch (error) {
    // Gone in the meantime: another worker expired it.
    if (isMissing(error)) return Number.POSITIVE_INFINITY;
    throw error;
  }
}
