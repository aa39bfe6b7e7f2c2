import { createHash } from "node:crypto";
import { Readable, Transform } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { FileResult } from "#core/contract/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { fileReference } from "#platform/store/references";

/** How many output files one run may bring back; their names and hashes travel in the result. */
export const maximumOutputFiles = 256;
/** Bytes of all output files of one run. */
export const maximumOutputFileBytes = 256 * 1024 * 1024;
/** Bytes of all output files that also travel in the result itself, for clients that cannot reach the store. */
const maximumInlineBytes = 64 * 1024;
/** How many of what is left out are listed: as many as a collection says at most, beside the globs that stand for nothing. */
const maximumOmittedNames = 200;

/** Stores output files as the backend hands them over, within the limits. */
export interface FileCollector {
  readonly save: (name: string, content: Readable, bytes: number) => Promise<boolean>;
  readonly result: (omitted: readonly { name: string; reason: string }[]) => {
    files: FileResult[];
    omitted: { name: string; reason: string }[];
  };
}

/** Collects the output files of one attempt; of these, so many bytes also travel in the result. */
export function createFileCollector(
  store: ArtifactStore,
  key: string,
  attempt: number,
  inlineBytes = maximumInlineBytes,
): FileCollector {
  const files: FileResult[] = [];
  let total = 0;
  let inline = 0;
  // One that could not be stored as a whole keeps its name to itself.
  let stored = 0;
  return {
    save: async (name, content, bytes) => {
      if (files.length >= maximumOutputFiles || total + bytes > maximumOutputFileBytes) return false;
      const reference = fileReference(key, attempt, stored);
      stored += 1;
      const hash = createHash("sha256");
      const hashing = new Transform({
        transform(chunk: Buffer, _encoding, callback) {
          hash.update(chunk);
          callback(null, chunk);
        },
      });
      const travels = inline + bytes <= inlineBytes;
      const whole = travels ? await buffer(content) : undefined;
      await pipeline(whole ? Readable.from([whole]) : content, hashing, store.write(reference));
      total += bytes;
      if (travels) inline += bytes;
      files.push({
        name,
        bytes,
        sha256: hash.digest("hex"),
        ref: reference,
        ...(whole ? { base64: whole.toString("base64") } : {}),
      });
      return true;
    },
    result: (refused) => {
      const omitted = refused.slice(0, maximumOmittedNames).map(({ name, reason }) => ({ name, reason }));
      const more = refused.length - omitted.length;
      if (more > 0) omitted.push({ name: "", reason: `${more} more files were left out` });
      return { files, omitted };
    },
  };
}
