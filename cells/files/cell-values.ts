/**
 * Parses values that a cell reports: file names, sizes, counters, exit codes. The code may have written any of them, so
 * they are untrusted until a function of this file has parsed them.
 *
 * @module
 */
import { isSafeFileName } from "#core/contract/request";

/** Normalizes a file name from the cell to be relative to the work directory. */
export const relativeName = (name: string): string => name.replace(/^\.\//, "");

/**
 * Whether a name is valid for an output file: relative, within the work directory, printable, at most 255 bytes. A
 * replacement character marks a name that is not UTF-8.
 */
export const isPlainName = (name: string): boolean => isSafeFileName(name) && !name.includes("\ufffd");

/** A name made safe for a result: without control characters, at most 255 characters. */
export const printableName = (name: string): string => JSON.stringify(name.slice(0, 1024)).slice(1, -1).slice(0, 255);

/** Parses a number from a cell; null if it is not a non-negative safe integer. */
export function countOf(word: string | undefined): number | null {
  const count = word !== undefined && /^\d{1,16}$/.test(word) ? Number(word) : null;
  return Number.isSafeInteger(count) ? count : null;
}

/** Parses an exit code from a cell, 0 to 255; undefined if it is invalid. */
export function exitCodeOf(word: string | undefined): number | undefined {
  const code = word !== undefined && /^\d{1,3}$/.test(word) ? Number(word) : 256;
  return code <= 255 ? code : undefined;
}
