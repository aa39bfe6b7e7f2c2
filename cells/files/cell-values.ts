/**
 * What a cell says of itself: names of files, sizes, counters, exit codes. The code may have written any of it, so it counts as untrusted text until
 * a function of this file has read it. All others take what these return.
 *
 * @module
 */
import { isSafeFileName } from "#core/contract/request";

/** A file's name as the cell gives it, relative to the work directory. */
export const relativeName = (name: string): string => name.replace(/^\.\//, "");

/**
 * Whether a name can be that of an output file: relative, within the work directory, printable, at most 255 bytes. The replacement character
 * stands for what was lost of a name that is not UTF-8.
 */
export const isPlainName = (name: string): boolean => isSafeFileName(name) && !name.includes("\ufffd");

/** A name as it may stand in a result: without control characters, at most 255 characters. */
export const printableName = (name: string): string => JSON.stringify(name.slice(0, 1024)).slice(1, -1).slice(0, 255);

/** A number of a cell; null where the word is none, or none that can be counted with. */
export function countOf(word: string | undefined): number | null {
  const count = word !== undefined && /^\d{1,16}$/.test(word) ? Number(word) : null;
  return Number.isSafeInteger(count) ? count : null;
}

/** An exit code of a cell, 0 to 255; undefined where the word is none. */
export function exitCodeOf(word: string | undefined): number | undefined {
  const code = word !== undefined && /^\d{1,3}$/.test(word) ? Number(word) : 256;
  return code <= 255 ? code : undefined;
}
