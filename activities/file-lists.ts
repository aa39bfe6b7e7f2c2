/**
 * Reads what the scripts of a session print about its files. The files belong to the code, so their names are untrusted.
 *
 * @module
 */
import { isSafeFileName } from "#core/contract/request";
import { listBounds } from "#core/contract/session/programs";
import type { FilesListed } from "#core/contract/session/result";

const line = /^([^|]+)\|(\d{1,15})\|(\d{1,12})\|\.\/(.+)$/;

function typeOf(words: string): "file" | "directory" | "other" {
  if (words === "directory") return "directory";
  return words.startsWith("regular") ? "file" : "other";
}

/** The entries of a list of files, sorted by name. Lines that are not an entry with a plain name are counted only. */
export function listingOf(text: string, truncated: boolean): Pick<FilesListed, "files" | "omitted"> {
  const files: FilesListed["files"] = [];
  let omitted = truncated ? 1 : 0;
  for (const entry of text.split("\n").filter((part) => part !== "")) {
    const [, type = "", bytes, seconds, name = ""] = line.exec(entry) ?? [];
    if (!isSafeFileName(name) || files.length >= listBounds.entries) {
      omitted += 1;
      continue;
    }
    const modified = new Date(Number(seconds) * 1000).toISOString();
    files.push({ name, type: typeOf(type), bytes: Number(bytes), modified });
  }
  return { files: files.sort((one, other) => (one.name < other.name ? -1 : 1)), omitted };
}

/** Which of some names were removed. A name about which nothing was printed is in neither list. */
export function removalOf(names: readonly string[], text: string): { removed: string[]; missing: string[] } {
  const said = text.split("\n");
  return {
    removed: names.filter((_, index) => said[index] === "removed"),
    missing: names.filter((_, index) => said[index] === "missing"),
  };
}
