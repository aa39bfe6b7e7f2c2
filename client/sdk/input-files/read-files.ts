import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { KgentsError } from "#core/contract/error";
import { contentBytes } from "#core/contract/file-set";
import type { Content, ExecutionRequest } from "#core/contract/request";
import { fileContent, type StoreFinder, streamContent } from "../offload.ts";
import { faultOf } from "./fault.ts";
import type { FoundFile } from "./find-files.ts";

/** Input files in a request. */
export type InputFiles = NonNullable<ExecutionRequest["files"]>;

/**
 * Reads a file of a folder: the same file that was found, up to its size at that time. Data that is appended in
 * between, as to a log, is ignored.
 */
async function listedContent(
  { path, bytes, identity }: FoundFile,
  field: string,
  store: StoreFinder,
): Promise<Content> {
  const changed = (): KgentsError =>
    new KgentsError("invalid-request", `${field}: ${path}: it changed while the folder was read`, {
      field,
      remedy: "Run it again when nothing writes there, or pass a copy.",
    });
  // Do not block on a FIFO or follow a link that has replaced the file.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { dev, ino, size } = await file.stat();
    if (dev !== identity?.dev || ino !== identity.ino || size < bytes) throw changed();
    if (bytes === 0) return "";
    const content = await streamContent(file.createReadStream({ start: 0, end: bytes - 1, autoClose: false }), store);
    if (contentBytes(content) !== bytes) throw changed();
    return content;
  } finally {
    await file.close();
  }
}

/**
 * Reads the files one after another, so that the limit on open files is not exceeded.
 *
 * @throws KgentsError `invalid-request` if one cannot be read or has changed
 */
export async function readFiles(found: readonly FoundFile[], field: string, store: StoreFinder): Promise<InputFiles> {
  const files: InputFiles = [];
  for (const each of found) {
    const { path, name, executable, identity } = each;
    const content = await (identity === null
      ? fileContent(path, field, store)
      : listedContent(each, field, store).catch((error) => {
          throw faultOf(error, path, field);
        }));
    files.push({ name, content, ...(executable && { executable }) });
  }
  return files;
}
