/**
 * Content in the directory store, each stored under its SHA-256.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { KgentsError } from "#core/contract/error";
import { namingFullDisk } from "../host/disk-space.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import { blobReference, checkReference } from "./references.ts";
import { verifyContent } from "./verify-content.ts";
import { writeHashed } from "./write-hashed.ts";

/** The message for a failed write to the store. */
export const cannotWrite = "the artifact store cannot be written";

/** Checks the length of content, and updates its modification time so that it does not expire. */
async function use(file: FileHandle, sha256: string, bytes: number): Promise<void> {
  const unavailable = (what: string, cause?: unknown) =>
    new KgentsError("artifact-unavailable", `the artifact ${sha256} ${what}`, { cause });
  const { size } = await file.stat();
  if (size !== bytes) throw unavailable(`has ${size} bytes, and not ${bytes}`);
  const now = new Date();
  await file.utimes(now, now).catch((error) => {
    throw unavailable(`cannot be marked as used: ${error.message}`, error);
  });
}

/** The content operations of a directory store. */
export function directoryBlobs(directory: string): Pick<ArtifactStore, "putBlob" | "openBlob"> {
  const pathOf = (sha256: string): string => join(directory, checkReference(blobReference(sha256)));
  return {
    putBlob: async (content) => {
      const temporary = join(directory, "blobs", `.${randomUUID()}`);
      try {
        const { sha256, bytes } = await writeHashed(temporary, content);
        await rename(temporary, pathOf(sha256));
        return { artifact: sha256, bytes };
      } catch (error) {
        throw namingFullDisk(error, cannotWrite);
      } finally {
        await rm(temporary, { force: true });
      }
    },
    openBlob: async (sha256, bytes) => {
      const file = await open(pathOf(sha256)).catch((error) => {
        throw new KgentsError("artifact-unavailable", `the artifact ${sha256} is not in this worker's store`, {
          cause: error,
        });
      });
      try {
        await use(file, sha256, bytes);
      } catch (error) {
        await file.close();
        throw error;
      }
      const verified = verifyContent(sha256);
      // The reader of the stream gets the error.
      pipeline(file.createReadStream(), verified).catch(() => {});
      return verified;
    },
  };
}
