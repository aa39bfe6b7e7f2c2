/**
 * Content in the bucket, each stored under its SHA-256.
 *
 * @module
 */
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { KgentsError } from "#core/contract/error";
import { isDiskFull, namingFullDisk } from "../../host/disk-space.ts";
import type { ArtifactStore } from "../artifact-store.ts";
import { blobReference } from "../references.ts";
import { verifyContent } from "../verify-content.ts";
import { writeHashed } from "../write-hashed.ts";
import { type Bucket, type BucketSettings, bucketFailure } from "./bucket.ts";

/** Content older than this is touched when it is used, so that it does not expire. */
const touchMilliseconds = 3_600_000;

/** The content operations of a store in a bucket. */
export function bucketBlobs(bucket: Bucket, settings: BucketSettings): Pick<ArtifactStore, "putBlob" | "openBlob"> {
  return {
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
  };
}
