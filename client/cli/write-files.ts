import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { lstat, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ArtifactStore } from "../../activities/store/artifact-store.ts";
import { isSafeFileName } from "../../core/request.ts";
import type { ExecutionResult, FileResult } from "../../core/result.ts";
import { complain } from "./print.ts";

function contentOf(file: FileResult, store: ArtifactStore | undefined): Readable | undefined {
  if (file.base64 !== undefined) return Readable.from([Buffer.from(file.base64, "base64")]);
  if (!store || file.ref === null) return undefined;
  return store.read(file.ref, 0, file.bytes);
}

/** A link below the directory would lead out of it: what a run calls its files must not choose where they end. */
async function refuseLinks(directory: string, name: string): Promise<void> {
  let path = directory;
  for (const folder of name.split("/").slice(0, -1)) {
    path = join(path, folder);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isSymbolicLink()) throw new Error(`${path} is a symbolic link`);
  }
}

/** Each file comes into being whole, by rename, so that nothing is written through a link that stands in its place. */
async function writeFile(path: string, content: Readable): Promise<void> {
  const draft = `${path}.${randomUUID()}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await pipeline(content, createWriteStream(draft, { flags: "wx" }));
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Writes a run's output files under a directory. One that cannot be written does not keep the others back.
 *
 * @returns whether all that the run has brought back was written
 */
export async function writeOutputFiles(
  result: ExecutionResult,
  directory: string,
  store: ArtifactStore | undefined,
  say: (line: string) => void,
): Promise<boolean> {
  // What is missing is said in any case: a file that was asked for and is not there is an error.
  let complete = true;
  for (const { name, reason } of result.filesOmitted)
    complain(`output file ${name || "(several)"} left out: ${reason}`);
  for (const file of result.files) {
    const path = join(directory, file.name);
    const content = isSafeFileName(file.name) ? contentOf(file, store) : undefined;
    try {
      if (!isSafeFileName(file.name)) throw new Error("its name is not safe to write");
      if (!content) throw new Error("the artifact store that has it is out of reach");
      await refuseLinks(directory, file.name);
      await writeFile(path, content);
      say(`wrote ${path} (${file.bytes} bytes)`);
    } catch (error) {
      complete = false;
      const why = error instanceof Error ? error.message : String(error);
      complain(`output file ${JSON.stringify(file.name)} was not written: ${why}`);
    }
  }
  return complete;
}
