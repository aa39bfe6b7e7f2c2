import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { chmod } from "node:fs/promises";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** Writes content to a new file that only its owner can read. Returns its SHA-256 and its length in bytes. */
export async function writeHashed(path: string, content: Readable): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
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
    // Flush before the file gets its final name, so that the name never stands for partial content.
    createWriteStream(path, { mode: 0o600, flags: "wx", flush: true }),
  );
  // The umask may have removed the owner's rights.
  await chmod(path, 0o600);
  return { sha256: hash.digest("hex"), bytes };
}
