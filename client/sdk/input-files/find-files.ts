/**
 * Finds the named files and those in named folders, before any is read.
 *
 * @module
 */
import type { Dirent } from "node:fs";
import { lstat, opendir, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { KgentsError } from "#core/contract/error";
import { fileNameRule } from "#core/contract/fields";
import { checkFileSet } from "#core/contract/file-set";
import { isSafeFileName, maximumFiles } from "#core/contract/request";
import { faultOf } from "./fault.ts";

/** A file or folder of this machine. */
export interface FileSource {
  readonly path: string;
  /** The destination in the work directory; `.` for the content of a folder. @default its own name */
  readonly name?: string | undefined;
}

/** A file that was found. */
export interface FoundFile {
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
  readonly executable: boolean;
  /** The file's identity if it was found in a folder; null for a named file, which may be a pipe. */
  readonly identity: { readonly dev: number; readonly ino: number } | null;
}

/** Stop counting here, because a whole disk would take too long. */
const maximumCounted = 10_000;

const pack = "Pass fewer files, or one archive that the code unpacks.";

const kindOf = (entry: Dirent): string => {
  if (entry.isSymbolicLink()) return "it is a symbolic link";
  if (entry.isFIFO()) return "it is a FIFO";
  if (entry.isSocket()) return "it is a socket";
  return "it is a device";
};

/**
 * The destination prefix of a folder's files. For one without a name of its own, such as `.`, it is the work directory.
 */
function placeOf({ path, name }: FileSource): string {
  const own = basename(path);
  const place = name ?? (["", ".."].includes(own) ? "." : own);
  return place === "." ? "" : `${place.replace(/\/$/, "")}/`;
}

/** The paths of all regular files below a folder, unordered. Other files, such as links, are rejected. */
async function listFolder(path: string, field: string): Promise<string[]> {
  const files: string[] = [];
  const refused: { readonly path: string; readonly why: string }[] = [];
  for await (const entry of await opendir(path, { recursive: true })) {
    const at = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.push(at);
    else if (!entry.isDirectory()) refused.push({ path: at, why: kindOf(entry) });
    if (files.length > maximumCounted || refused.length > maximumCounted) break;
  }
  const [first] = refused.sort((one, other) => (one.path < other.path ? -1 : 1));
  if (first === undefined) return files;
  const more = refused.length > 1 ? ` (and ${refused.length - 1} more that are not plain files)` : "";
  throw new KgentsError("invalid-request", `${field}: ${first.path}: ${first.why}${more}; allowed are plain files`, {
    field,
    remedy: "Remove it from the folder, or pass the files one by one: a link that is passed directly is followed.",
  });
}

function checkName(path: string, name: string, field: string): void {
  // Node replaces bytes that are not UTF-8 with this character, so the file could not be opened.
  if (isSafeFileName(name) && !name.includes("\ufffd")) return;
  const got = `${field}: ${path}: got the name ${JSON.stringify(name)}; allowed is ${fileNameRule}`;
  throw new KgentsError("invalid-request", got, { field, remedy: "Rename the file." });
}

async function describeFile(path: string, name: string, listed: boolean): Promise<FoundFile> {
  const { size, mode, dev, ino } = await (listed ? lstat(path) : stat(path));
  return { path, name, bytes: size, executable: (mode & 0o100) !== 0, identity: listed ? { dev, ino } : null };
}

async function findIn(source: FileSource, before: number, field: string): Promise<FoundFile[]> {
  const { path } = source;
  const isFolder = (await stat(path)).isDirectory();
  const paths = isFolder ? await listFolder(path, field) : [path];
  if (paths.length === 0) {
    const message = `${field}: ${path}: it has no files; allowed is a folder with files`;
    throw new KgentsError("invalid-request", message, { field });
  }
  if (before + paths.length > maximumFiles) {
    const came = paths.length > maximumCounted ? `more than ${maximumCounted}` : String(paths.length);
    const message = `${field}: ${path}: got ${came} files${before ? `, and ${before} before` : ""}; allowed are ${maximumFiles}`;
    throw new KgentsError("invalid-request", message, { field, remedy: pack });
  }
  const place = isFolder ? placeOf(source) : "";
  const nameOf = (each: string): string =>
    isFolder ? place + relative(path, each).replaceAll(sep, "/") : (source.name ?? basename(path));
  for (const each of paths) checkName(each, nameOf(each), field);
  const found = await Promise.all(paths.map((each) => describeFile(each, nameOf(each), isFolder)));
  return found.sort((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * Finds files. Those of a folder are ordered by name. Hidden files are included, empty folders are not.
 *
 * @param field the field to name in errors
 * @throws KgentsError `invalid-request` if one is not a regular file or cannot be examined, if they are too many or too
 * large together, or if their names conflict
 */
export async function findFiles(sources: readonly FileSource[], field: string): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  for (const source of sources) {
    const files = await findIn(source, found.length, field).catch((error) => {
      throw faultOf(error, source.path, field);
    });
    found.push(...files);
  }
  checkFileSet(found, field);
  return found;
}
