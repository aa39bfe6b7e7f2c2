import { join } from "node:path";
import { Readable } from "node:stream";
import { isSafeFileName } from "#core/contract/request";
import type { ExecutionResult, FileResult } from "#core/contract/result";
import { messageOf } from "#core/text/message-of";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { complain } from "../terminal/print.ts";
import { openSafeFolder, type SafeFolder } from "./safe-folder.ts";

/** Where output files go unless `--output-dir` names another directory. */
const usualDirectory = "kgents-output";

function contentOf(file: FileResult, store: ArtifactStore | undefined): Readable | undefined {
  if (file.base64 !== undefined) return Readable.from([Buffer.from(file.base64, "base64")]);
  if (!store || file.ref === null) return undefined;
  return store.read(file.ref, 0, file.bytes);
}

/** Writes a file below a folder, and creates the folders in its name. None of them may be a link. */
async function writeBelow(
  folder: SafeFolder,
  [name = "", ...rest]: readonly string[],
  content: Readable,
): Promise<void> {
  if (rest.length === 0) return folder.write(name, content);
  const next = await folder.folder(name);
  try {
    await writeBelow(next, rest, content);
  } finally {
    await next.close();
  }
}

/**
 * Writes a run's output files to a directory. If one cannot be written, the others still are.
 *
 * @param named the directory that the user named, which may be a link. @default `kgents-output`, which must not be a
 *   link: an untrusted working directory must not decide where files end up
 * @returns whether all output files were written
 */
export async function writeOutputFiles(
  result: Pick<ExecutionResult, "files" | "filesOmitted">,
  named: string | undefined,
  store: ArtifactStore | undefined,
  say: (line: string) => void,
): Promise<boolean> {
  // Always report omitted files: a requested file that is missing is an error.
  for (const { name, reason } of result.filesOmitted)
    complain(`output file ${name || "(several)"} not returned: ${reason}`);
  if (result.files.length === 0) return true;
  const directory = named ?? usualDirectory;
  let complete = true;
  let folder: SafeFolder | undefined;
  for (const file of result.files) {
    let content: Readable | undefined;
    try {
      if (!isSafeFileName(file.name)) throw new Error("its name is not safe");
      content = contentOf(file, store);
      if (!content) throw new Error("the artifact store that has it is not available");
      folder ??= await openSafeFolder(directory, named !== undefined);
      await writeBelow(folder, file.name.split("/"), content);
      say(`wrote ${join(directory, file.name)} (${file.bytes} bytes)`);
    } catch (error) {
      complete = false;
      content?.destroy();
      const why = messageOf(error);
      complain(`output file ${JSON.stringify(file.name)} was not written: ${why}`);
    }
  }
  await folder?.close();
  return complete;
}
