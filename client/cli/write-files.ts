import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ArtifactStore } from "../../activities/store/artifact-store.ts";
import { isSafeFileName } from "../../core/request.ts";
import type { ExecutionResult, FileResult } from "../../core/result.ts";

function contentOf(file: FileResult, store: ArtifactStore | undefined): Readable | undefined {
  if (file.base64 !== undefined) return Readable.from([Buffer.from(file.base64, "base64")]);
  if (!store || file.ref === null) return undefined;
  return file.bytes === 0 ? Readable.from([]) : store.read(file.ref, 0, file.bytes);
}

/**
 * Writes a run's output files under a directory. Each comes into being whole, by rename, so that nothing is written
 * through a link that stands in its place.
 */
export async function writeOutputFiles(
  result: ExecutionResult,
  directory: string,
  store: ArtifactStore | undefined,
  say: (line: string) => void,
): Promise<void> {
  for (const { name, reason } of result.filesOmitted) say(`output file ${name || "(several)"} left out: ${reason}`);
  for (const file of result.files) {
    if (!isSafeFileName(file.name)) {
      say(`output file ${JSON.stringify(file.name)} left out: its name is not safe to write`);
      continue;
    }
    const content = contentOf(file, store);
    if (!content) {
      say(`output file ${file.name} left out: the artifact store that has it is out of reach`);
      continue;
    }
    const path = join(directory, file.name);
    const temporary = `${path}.${process.pid}.part`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await pipeline(content, createWriteStream(temporary, { flags: "wx" }));
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
    say(`wrote ${path} (${file.bytes} bytes)`);
  }
}
