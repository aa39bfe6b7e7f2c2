/**
 * Bounds for what a hostile tar costs the library that reads it.
 *
 * @module
 */

/** What came was not acceptable, or too much: nothing more of it is read. Its message is a part of the result. */
export class Refused extends Error {}

/**
 * What may come between the content of one file and the header of the next: two blocks of zeros filled up to 10 KiB at the end of an archive (find
 * starts tar again where names are many), a header, and extensions of it for a name of at most 4 KiB. The library keeps an extension
 * in memory whole and copies it again for each file, up to 4 MiB.
 */
const mostBetweenFiles = 64 * 1024;

/** At most so many bytes at once go to the library outside of files: it reads all headers in them in one go. */
const pieceBytes = 16 * 1024;

/** Watches an archive on its way to the library. */
export interface ArchiveBounds {
  /** A stage of a pipeline in front of the library. */
  readonly pass: (source: AsyncIterable<Buffer>) => AsyncGenerator<Buffer>;
  /** To be told of each entry, with how much content comes with it. */
  readonly onEntry: (contentBytes: number) => void;
}

/** @param count told of all bytes that come; may throw */
export function boundArchive(count: (bytes: number) => void): ArchiveBounds {
  /** Bytes since the content of the last file; negative while there is content to come. */
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
