import { posix } from "node:path";
import { shellQuote } from "#core/text/shell-quote";
import type { InputFile } from "./deliver-inputs.ts";

/**
 * The line that is sent before the archive of input files: the folders of the work directory that lead to them, as words
 * of a shell. The cell refuses the files if one is a symbolic link.
 */
export function foldersLine(inputs: readonly Pick<InputFile, "name">[]): string {
  const folders = new Set<string>();
  for (const { name } of inputs) {
    for (let folder = posix.dirname(name); folder !== "."; folder = posix.dirname(folder)) folders.add(folder);
  }
  return `${[...folders].map(shellQuote).join(" ")}\n`;
}

/** What is said of files that would be written through a symbolic link, after its name. */
export const symbolicLinkInTheWay = "a symbolic link is in the way of the files, which are not written through it";
