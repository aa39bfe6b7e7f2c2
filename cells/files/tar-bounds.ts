/**
 * Limits what a hostile tar costs the library that reads it.
 *
 * @module
 */

/** The data is invalid or too large, and no more of it is read. The message becomes part of the result. */
export class Refused extends Error {}

/**
 * The most bytes between the content of one file and the header of the next: two zero blocks padded to 10 KiB at the
 * end of an archive (find runs tar again if there are many names), a header, and its extensions for a name of at most 4
 * KiB. The library buffers a whole extension in memory and copies it again for each file, up to 4 MiB.
 */
const mostBetweenFiles = 64 * 1024;

/** The most bytes passed to the library at once between files: it parses all headers in them in one go. */
const pieceBytes = 16 * 1024;

/** Checks an archive before it reaches the library. */
export interface ArchiveBounds {
  /** A pipeline stage in front of the library. */
  readonly pass: (source: AsyncIterable<Buffer>) => AsyncGenerator<Buffer>;
  /** Must be called for each entry with the length of its content. */
  readonly onEntry: (contentBytes: number) => void;
}

/** @param count called with the number of bytes of each chunk; may throw */
export function boundArchive(count: (bytes: number) => void): ArchiveBounds {
  /** Bytes since the content of the last file; negative while content is still to come. */
  let between = 0;
  return {
    onEntry: (contentBytes) => {
      between = -contentBytes;
    },
    pass: async function* (source) {
      for await (const chunk of source) {
        count(chunk.length);
        for (let rest = chunk; rest.length > 0; ) {
          const piece = rest.subarray(0, between < 0 ? Math.max(-between, pieceBytes) : pieceBytes);
          rest = rest.subarray(piece.length);
          between += piece.length;
          if (between > mostBetweenFiles) throw new Refused("the archive of the files has too much between two files");
          yield piece;
        }
      }
    },
  };
}
