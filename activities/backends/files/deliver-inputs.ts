import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import type { Content } from "../../../core/request.ts";

/** One input file. */
export interface InputFile {
  readonly name: string;
  readonly content: Content;
  readonly executable: boolean;
}

/** The length of content in bytes, without opening it. */
export function contentBytes(content: Content): number {
  if (typeof content === "string") return Buffer.byteLength(content);
  return "artifact" in content ? content.bytes : Buffer.byteLength(content.base64, "base64");
}

/**
 * Sends input files as a tar stream; the supervisor unpacks it inside, so that no path of the sandbox is ever written from
 * outside.
 *
 * @throws where content cannot be read or has another length than it said; the stream is then cut off, not ended
 */
export async function deliverInputs(
  files: readonly InputFile[],
  open: (content: Content) => Promise<Readable>,
  target: Writable,
): Promise<void> {
  const archive = pack();
  const sent = pipeline(archive, target);
  const written = (async () => {
    for (const { name, content, executable } of files) {
      const entry = archive.entry({ name, size: contentBytes(content), mode: executable ? 0o755 : 0o644 });
      const done = once(entry, "finish");
      await pipeline(await open(content), entry);
      await done;
    }
    archive.finalize();
  })();
  written.catch((error) => archive.destroy(error));
  await Promise.all([written, sent]);
}
