import { createHash } from "node:crypto";
import { Readable, Transform } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { FileResult } from "#core/contract/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { fileReference } from "#platform/store/references";

/**
 * The maximum number of output files of one run. The result contains their names and hashes, so its size grows with
 * them.
 */
export const maximumOutputFiles = 256;
/** The maximum total size of the output files of one run, in bytes. */
export const maximumOutputFileBytes = 256 * 1024 * 1024;
/** The maximum total size of output files embedded in the result, in bytes. For clients that cannot reach the store. */
const maximumInlineBytes = 64 * 1024;
/**
 * The maximum number of omitted files listed in the result. A collection lists at most as many, besides globs without a
 * match.
 */
const maximumOmittedNames = 200;

/** Stores the output files that the backend delivers, within the limits. */
export interface FileCollector {
  readonly save: (name: string, content: Readable, bytes: number) => Promise<boolean>;
  readonly result: (omitted: readonly { name: string; reason: string }[]) => {
    files: FileResult[];
    omitted: { name: string; reason: string }[];
  };
}

/**
 * Creates the collector of one attempt's output files.
 *
 * @param inlineBytes the maximum total size of files embedded in the result, in bytes. @default 64 KiB
 */
export function createFileCollector(
  store: ArtifactStore,
  key: string,
  attempt: number,
  inlineBytes = maximumInlineBytes,
): FileCollector {
  const files: FileResult[] = [];
  let total = 0;
  let inline = 0;
  // Incremented before the write, so that a file whose write failed does not share its reference with the next one.
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
