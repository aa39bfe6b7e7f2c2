/**
 * The artifact store in a bucket, shared by clients and workers on different machines. Writes go to a local spool
 * first; see `upload.ts`.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { KgentsError } from "#core/contract/error";
import { isDiskFull, namingFullDisk } from "../../host/disk-space.ts";
import type { ArtifactStore } from "../artifact-store.ts";
import { claimRound } from "../expiry-claim.ts";
import { blobReference, checkReference, keyOf, runFolder } from "../references.ts";
import { longestRetention, retentionName } from "../retention.ts";
import { keepWithinBounds, measure, type StoreBounds } from "../store-bounds.ts";
import { verifyContent } from "../verify-content.ts";
import { writeHashed } from "../write-hashed.ts";
import { type Bucket, type BucketSettings, bucketFailure, openBucket } from "./bucket.ts";
import { claimedRounds, expire } from "./expiry.ts";
import { createListings } from "./listings.ts";
import { readSegments, segmentsOf } from "./read-segments.ts";
import { lengthOf, type Segment } from "./segments.ts";
import { openSpool, type SpoolSettings } from "./spool.ts";
import type { Upload } from "./upload.ts";

/** Content older than this is touched when it is used, so that it does not expire. */
const touchMilliseconds = 3_600_000;

const idName = "store-id";

/** The store's id; undefined if the store is new. */
async function readId(bucket: Bucket): Promise<string | undefined> {
  const content = await bucket.get(idName);
  return content && (await text(content)).trim();
}

/**
 * Checks that a bucket can be read. Changes nothing in it.
 *
 * @throws KgentsError `artifact-unavailable`
 */
export async function probeBucket(settings: BucketSettings): Promise<void> {
  const bucket = await openBucket(settings);
  try {
    await readId(bucket);
  } catch (error) {
    throw bucketFailure(settings, error);
  } finally {
    bucket.close();
  }
}

async function idOf(bucket: Bucket): Promise<string> {
  const known = await readId(bucket);
  if (known !== undefined) return known;
  await bucket.putIfAbsent(idName, `${randomUUID()}\n`);
  const made = await readId(bucket);
  if (made === undefined) throw new Error("what was written cannot be read");
  return made;
}

/**
 * Opens the store in a bucket.
 *
 * @param spoolSettings the spool for writes; undefined for a process that only reads
 * @param bounds of the spool. Nothing is removed from it before it is in the bucket, so a full spool accepts no more
 * runs
 * @throws KgentsError `artifact-unavailable` if the bucket cannot be used
 */
export async function openBucketStore(
  settings: BucketSettings,
  spoolSettings: SpoolSettings | undefined,
  bounds: StoreBounds = {},
): Promise<ArtifactStore> {
  const bucket = await openBucket(settings);
  const id = await idOf(bucket).catch((error) => {
    bucket.close();
    throw bucketFailure(settings, error);
  });
  const spool = spoolSettings && (await openSpool(bucket, id, spoolSettings));
  const makeRoom =
    spoolSettings &&
    keepWithinBounds(
      spoolSettings.directory,
      bounds,
      async () => ({ bytes: (await measure(spoolSettings.directory))?.bytes ?? 0, removable: [] }),
      async () => false,
    );
  const listings = createListings();
  /** The local upload of an artifact; of several, the one with the lowest offset. */
  const uploadOf = (reference: string): Upload | undefined =>
    spool
      ?.uploadsOf(keyOf(reference))
      .filter((upload) => upload.reference === reference)
      .sort((a, b) => a.offset - b.offset)[0];

  return {
    id,
    write: (reference, offset = 0) => {
      if (!spool) throw new Error("a store that was opened for reading is not written to");
      return spool.write(reference, offset);
    },
    read: (reference, start, end) => {
      checkReference(reference);
      if (end <= start) return Readable.from([]);
      const upload = uploadOf(reference);
      const here = upload && upload.end() >= end ? upload : undefined;
      const split = here ? Math.min(Math.max(here.offset, start), end) : end;
      return Readable.from(
        (async function* () {
          if (split > start) {
            const listed = listings.of(keyOf(reference)).get(reference) ?? [];
            yield* readSegments(bucket, reference, listed, start, split);
          }
          if (here && end > split) {
            yield* createReadStream(here.path, { start: split - here.offset, end: end - here.offset - 1 });
          }
        })(),
        { objectMode: false },
      );
    },
    list: async (key) => {
      const uploads = spool?.uploadsOf(key) ?? [];
      // Skip the request if this process writes all artifacts of the run from their beginning.
      const isAllHere = uploads.length > 0 && uploads.every(({ offset }) => offset === 0);
      if (!isAllHere) listings.keep(key, await segmentsOf(bucket, `${runFolder(key)}/`));
      const segments = new Map<string, readonly Segment[]>(isAllHere ? [] : listings.of(key));
      for (const { reference, offset, end } of uploads) {
        segments.set(reference, [...(segments.get(reference) ?? []), { offset, bytes: end() - offset }]);
      }
      return new Map([...segments].map(([reference, of]) => [reference, lengthOf(of)]));
    },
    watch: listings.follow,
    settle: async (key) => (await spool?.settle(key)) ?? null,
    putBlob: async (content) => {
      const folder = await mkdtemp(join(tmpdir(), "kgents-blob-"));
      const path = join(folder, "content");
      try {
        const { sha256, bytes } = await writeHashed(path, content);
        const name = blobReference(sha256);
        if ((await bucket.head(name))?.bytes === bytes) await bucket.touch(name);
        else await bucket.put(name, bytes === 0 ? Buffer.alloc(0) : createReadStream(path));
        return { artifact: sha256, bytes };
      } catch (error) {
        throw isDiskFull(error) ? namingFullDisk(error, `${folder} cannot be written`) : bucketFailure(settings, error);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    openBlob: async (sha256, bytes) => {
      const name = blobReference(sha256);
      const refuse = (what: string, cause?: unknown) =>
        new KgentsError("artifact-unavailable", `the artifact ${sha256} ${what}`, { cause });
      try {
        const found = await bucket.head(name);
        if (!found) throw refuse(`is not in the bucket ${settings.name}`);
        if (found.bytes !== bytes) throw refuse(`has ${found.bytes} bytes, and not ${bytes}`);
        if (Date.now() - found.modified.getTime() > touchMilliseconds) await bucket.touch(name);
        const content = await bucket.get(name);
        if (!content) throw refuse(`is no longer in the bucket ${settings.name}`);
        const verified = verifyContent(sha256);
        // The reader of the stream gets the error.
        pipeline(content, verified).catch(() => {});
        return verified;
      } catch (error) {
        throw error instanceof KgentsError ? error : bucketFailure(settings, error);
      }
    },
    agreeOnRetention: async (namespace, milliseconds) => {
      await bucket.put(`retention/${retentionName(namespace)}`, Buffer.from(String(milliseconds)));
      const said: string[] = [];
      for await (const { name } of bucket.list("retention/")) {
        const content = await bucket.get(name);
        if (content) said.push(await text(content));
      }
      return longestRetention(milliseconds, said);
    },
    makeRoom: async () => makeRoom?.(),
    // Nothing is removed from a bucket to make room.
    hold: async () => ({ leave: () => {}, release: async () => {} }),
    claimExpiry: (milliseconds) => claimRound(claimedRounds(bucket), milliseconds),
    expire: (before) => expire(bucket, before),
    close: async () => {
      await spool?.close();
      bucket.close();
    },
  };
}
