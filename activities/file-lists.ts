/**
 * Reads what the scripts of a session print about its files. The files belong to the code, so their names are untrusted.
 *
 * @module
 */
import { isSafeFileName } from "#core/contract/request";
import type { StreamResult } from "#core/contract/result";
import { listBounds } from "#core/contract/session/programs";
import type { FilesListed } from "#core/contract/session/result";
import { decodeUtf8 } from "#core/text/bytes";

const line = /^([^|]+)\|(\d{1,15})\|(\d{1,12})\|\.\/(.+)$/;

function typeOf(words: string): "file" | "directory" | "other" {
  if (words === "directory") return "directory";
  return words.startsWith("regular") ? "file" : "other";
}

type Printed = Pick<StreamResult, "text" | "encoding" | "truncated">;

const newline = 0x0a;

/** The bytes of a stream as a result has it. */
const bytesOf = ({ text, encoding }: Printed): Buffer => Buffer.from(text, encoding === "base64" ? "base64" : "utf8");

/** The lines of a stream, each decoded by itself: undefined for one that is not UTF-8, or that was cut off. */
function linesOf(printed: Printed): (string | undefined)[] {
  const bytes = bytesOf(printed);
  const lines: (string | undefined)[] = [];
  let start = 0;
  for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
    if (end > start) lines.push(decodeUtf8(bytes.subarray(start, end)));
    start = end + 1;
  }
  if (start < bytes.length) lines.push(undefined);
  return lines;
}

/** What a program has printed, for people: bytes that are not UTF-8 are replaced. */
export const wordsOf = (printed: Printed): string => bytesOf(printed).toString("utf8");

/** The entries of a list of files, sorted by name. Lines that are not an entry with a plain name are counted only. */
export function listingOf(printed: Printed): Pick<FilesListed, "files" | "omitted"> {
  const files: FilesListed["files"] = [];
  let omitted = printed.truncated ? 1 : 0;
  for (const entry of linesOf(printed)) {
    const [, type = "", bytes, seconds, name = ""] = line.exec(entry ?? "") ?? [];
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
