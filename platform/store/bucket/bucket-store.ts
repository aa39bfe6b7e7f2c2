/**
 * The artifact store in a bucket, shared by clients and workers on different machines. Writes go to a local spool
 * first; see `upload.ts`.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { ArtifactStore } from "../artifact-store.ts";
import { claimRound } from "../expiry-claim.ts";
import { checkReference, keyOf, runFolder } from "../references.ts";
import { keepWithinBounds, measure, type StoreBounds } from "../store-bounds.ts";
import { type Bucket, type BucketSettings, bucketFailure, openBucket } from "./bucket.ts";
import { bucketBlobs } from "./bucket-blobs.ts";
import { agreeOnRetention, claimedRounds, expire } from "./expiry.ts";
import { createListings, type Listing } from "./listings.ts";
import { readSegments, segmentsOf } from "./read-segments.ts";
import { lengthOf, type Segment, type StoredSegment } from "./segments.ts";
import { openSpool, type SpoolSettings } from "./spool.ts";
import type { Upload } from "./upload.ts";

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

/** Keeps the spool within its bounds. Nothing in it may be removed. */
const keepSpoolWithinBounds = ({ directory }: SpoolSettings, bounds: StoreBounds): (() => Promise<void>) =>
  keepWithinBounds(
    directory,
    bounds,
    async () => ({ bytes: (await measure(directory))?.bytes ?? 0, removable: [] }),
    async () => false,
  );

/** Where the bytes of an artifact are: in segments in the bucket, and the newest in a local upload, if there is one. */
interface Artifact {
  readonly reference: string;
  readonly listed: () => readonly StoredSegment[];
  readonly here: Upload | undefined;
}

/** Reads a range of an artifact, from the bucket as far as the local upload does not have it. */
async function* readRange(bucket: Bucket, { reference, listed, here }: Artifact, start: number, end: number) {
  const split = here ? Math.min(Math.max(here.offset, start), end) : end;
  if (split > start) yield* readSegments(bucket, reference, listed(), start, split);
  if (here && end > split) {
    yield* createReadStream(here.path, { start: split - here.offset, end: end - here.offset - 1 });
  }
}

/** The lengths of artifacts from their segments in the bucket and their local uploads. */
function lengthsOf(listing: Listing, uploads: readonly Upload[]): Map<string, number> {
  const segments = new Map<string, readonly Segment[]>(listing);
  for (const { reference, offset, end } of uploads) {
    segments.set(reference, [...(segments.get(reference) ?? []), { offset, bytes: end() - offset }]);
  }
  return new Map([...segments].map(([reference, of]) => [reference, lengthOf(of)]));
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
  const makeRoom = spoolSettings && keepSpoolWithinBounds(spoolSettings, bounds);
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
      const listed = (): readonly StoredSegment[] => listings.of(keyOf(reference)).get(reference) ?? [];
      return Readable.from(readRange(bucket, { reference, listed, here }, start, end), { objectMode: false });
    },
    list: async (key) => {
      const uploads = spool?.uploadsOf(key) ?? [];
      // Skip the request if this process writes all artifacts of the run from their beginning.
      const isAllHere = uploads.length > 0 && uploads.every(({ offset }) => offset === 0);
      if (!isAllHere) listings.keep(key, await segmentsOf(bucket, `${runFolder(key)}/`));
      return lengthsOf(isAllHere ? new Map() : listings.of(key), uploads);
    },
    watch: listings.follow,
    settle: async (key) => (await spool?.settle(key)) ?? null,
    ...bucketBlobs(bucket, settings),
    agreeOnRetention: (namespace, milliseconds) => agreeOnRetention(bucket, namespace, milliseconds),
    makeRoom: async () => makeRoom?.(),
    // Nothing is removed from a bucket to make room.
    hold: async () => ({ leave: () => {}, until: async () => {}, release: async () => {} }),
    claimExpiry: (milliseconds) => claimRound(claimedRounds(bucket), milliseconds),
    expire: (before) => expire(bucket, before),
    close: async () => {
      await spool?.close();
      bucket.close();
    },
  };
}
