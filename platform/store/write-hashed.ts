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
    // Flushed before it gets its name: a name must never stand for less than its content.
    createWriteStream(path, { mode: 0o600, flags: "wx", flush: true }),
  );
  // Also where the umask takes rights from the owner.
  await chmod(path, 0o600);
  return { sha256: hash.digest("hex"), bytes };
}
