import type { Readable } from "node:stream";

/** Which output files of a cell are collected, how many bytes, and where they go. */
export interface OutputPlan {
  readonly globs: readonly string[];
  /** Names that are never output: the code's own file. */
  readonly except: ReadonlySet<string>;
  /** The disk limit in bytes. The files together cannot be larger unless the cell is hostile. */
  readonly largestTotal: number;
  /** Stores one file. Returns false if a limit on output files is reached. */
  readonly save: (name: string, content: Readable, bytes: number) => Promise<boolean>;
  /** Stops the sender; nothing more is read from it. */
  readonly giveUp: () => void;
  /** Aborts the collection, also while it waits. @default only the deadline does */
  readonly signal?: AbortSignal;
  /** The deadline, in milliseconds. @default see {@link collectionMilliseconds} */
  readonly patienceMilliseconds?: number;
}

const mebibyte = 2 ** 20;

/**
 * The deadline of a collection, in milliseconds: one minute, plus a second for each 4 MiB of the disk limit, which even
 * a cell with the smallest CPU share can send. At most 4 minutes, which leaves one minute of the time that a cluster
 * run has after its code has ended.
 */
export const collectionMilliseconds = (largestTotal: number): number =>
  Math.min(240_000, 60_000 + (largestTotal / (4 * mebibyte)) * 1000);

/** The most bytes of a collection in addition to file contents: names, headers, padding. */
const overheadBytes = 32 * mebibyte;

/** The most bytes that a cell may send in a collection. */
export const mostBytesSent = (largestTotal: number): number => 2 * largestTotal + overheadBytes;

/** The reason for leaving out a file whose name no result can carry. */
export const notPlainName = "its name is too long or not plain";
