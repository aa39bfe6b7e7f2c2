import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import { contentBytes } from "#core/contract/file-set";
import type { Content } from "#core/contract/request";

/** One input file. */
export interface InputFile {
  readonly name: string;
  readonly content: Content;
  readonly executable: boolean;
}

/** One entry of an archive. */
export interface ArchiveEntry {
  readonly name: string;
  readonly content: Content;
  readonly mode: number;
}

/** The permissions of an input file. */
export const modeOf = ({ executable }: Pick<InputFile, "executable">): number => (executable ? 0o755 : 0o644);

/** Adds entries to an archive, one after the other, and finalizes it. */
export async function fillArchive(
  archive: Pack,
  entries: readonly ArchiveEntry[],
  open: (content: Content) => Promise<Readable>,
): Promise<void> {
  for (const { name, content, mode } of entries) {
    const entry = archive.entry({ name, size: contentBytes(content), mode });
    // Await both from the start: a rejection without a handler would end the worker.
    await Promise.all([once(entry, "finish"), open(content).then((source) => pipeline(source, entry))]);
  }
  archive.finalize();
}

/**
 * Sends input files as a tar stream. The supervisor unpacks it inside, so that no path of the sandbox is written from
 * outside.
 *
 * @throws if content cannot be read or its length differs from the declared one; the stream is then cut off, not ended
 */
export async function deliverInputs(
  files: readonly InputFile[],
  open: (content: Content) => Promise<Readable>,
  target: Writable,
): Promise<void> {
  const archive = pack();
  const sent = pipeline(archive, target);
  const entries = files.map((file) => ({ name: file.name, content: file.content, mode: modeOf(file) }));
  const written = fillArchive(archive, entries, open);
  written.catch((error) => archive.destroy(error));
  await Promise.all([written, sent]);
}
