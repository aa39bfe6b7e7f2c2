/**
 * The delivery to a cell: one tar with the code, the input files, stdin, the time limit and, last, the command.
 *
 * @module
 */
import { posix } from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import type { Program } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { cellDirectories } from "#core/manifest/cell-pod";
import { renderCommandFile } from "#core/manifest/command-file";
import { commonEnvironment } from "../../common-environment.ts";
import { type ArchiveEntry, fillArchive, modeOf } from "../../files/deliver-inputs.ts";
import type { ProgramContext } from "../../provider.ts";

const inRun = (directory: string, name: string): string => posix.join(cellDirectories.run.slice(1), directory, name);
const inWork = (name: string): string => `${cellDirectories.work.slice(1)}/${name}`;

/**
 * Servers before 1.30 cannot close stdin, so tar never reads end of file. It needs one complete record, which it reads
 * at once.
 */
const recordBytes = 10_240;

function entriesOf(program: Program, directory: string): ArchiveEntry[] {
  const { command, codeFile, code, args, env, stdin, files, timeout } = program;
  const environment = { ...commonEnvironment, ...env };
  const words = [...command, `${cellDirectories.work}/${codeFile}`, ...args];
  return [
    ...files.map((file) => ({ name: inWork(file.name), content: file.content, mode: modeOf(file) })),
    ...(code === undefined ? [] : [{ name: inWork(codeFile), content: code, mode: 0o644 }]),
    ...(stdin === undefined ? [] : [{ name: inRun(directory, "stdin"), content: stdin, mode: 0o600 }]),
    { name: inRun(directory, "timeout"), content: `${timeout}\n`, mode: 0o600 },
    // Last: once this file exists, everything before it is complete.
    { name: inRun(directory, "command"), content: renderCommandFile(words, environment), mode: 0o600 },
  ];
}

/**
 * Sends the delivery and ends the stream. If content cannot be read, the stream is destroyed, so that no code starts on
 * incomplete input.
 *
 * @param directory that of the program: see `programDirectory`
 * @throws KgentsError `artifact-unavailable`; whatever the target fails with
 */
export async function deliver(
  program: Program,
  directory: string,
  open: ProgramContext["open"],
  target: Writable,
): Promise<void> {
  const archive = pack();
  const filled = fillArchive(archive, entriesOf(program, directory), open).catch((error) => {
    archive.destroy(error);
    if (error instanceof KgentsError) throw error;
    throw new KgentsError("artifact-unavailable", `input cannot be read: ${error.message}`, { cause: error });
  });
  // If the target fails, `pipeline` rejects first, and its error is thrown.
  await Promise.all([filled, pipeline(archive, padded, target)]);
}

async function* padded(archive: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of archive) {
    const part = Buffer.from(chunk as Uint8Array);
    bytes += part.length;
    yield part;
  }
  const rest = bytes % recordBytes;
  if (rest > 0) yield Buffer.alloc(recordBytes - rest);
}
