import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { KgentsError } from "#core/contract/error";
import { contentBytes } from "#core/contract/file-set";
import type { Content, ExecutionRequest } from "#core/contract/request";
import { fileContent, type StoreFinder, streamContent } from "../offload.ts";
import { faultOf } from "./fault.ts";
import type { FoundFile } from "./find-files.ts";

/** Input files as a request has them. */
export type InputFiles = NonNullable<ExecutionRequest["files"]>;

/**
 * Reads a file of a folder: the very one that was found, as long as it was then. What a program adds at its end meanwhile,
 * as to a log, does no harm.
 */
async function listedContent(
  { path, bytes, identity }: FoundFile,
  field: string,
  store: StoreFinder,
): Promise<Content> {
  const changed = (): KgentsError =>
    new KgentsError("invalid-request", `${field}: ${path}: it has changed while the folder was read`, {
      field,
      remedy: "Run it again when nothing writes there, or give a copy.",
    });
  // A FIFO in its place must not keep us waiting, nor a link lead elsewhere.
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
 * Reads files that were found, one after the other: nobody's limit of open files is met.
 *
 * @throws KgentsError `invalid-request` where one cannot be read or has changed
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
