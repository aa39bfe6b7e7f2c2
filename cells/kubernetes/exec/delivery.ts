/**
 * The delivery to a cell: one tar with the code, the input files, stdin, the time limit and, last, the command.
 *
 * @module
 */
import { posix } from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import { KgentsError } from "#core/contract/error";
import { cellDirectories } from "#core/manifest/cell-pod";
import { renderCommandFile } from "#core/manifest/command-file";
import { commonEnvironment } from "../../common-environment.ts";
import { type ArchiveEntry, fillArchive, modeOf } from "../../files/deliver-inputs.ts";
import { foldersLine } from "../../files/folders-line.ts";
import { kernelFile } from "../../kernel-files.ts";
import { codeFileOf, commandOf, kernelFilesOf, type ProgramPlaces, stdinOf } from "../../program-command.ts";
import type { PodProgram } from "./pod-program.ts";

const inRun = (directory: string, name: string): string => posix.join(cellDirectories.run.slice(1), directory, name);
const inWork = (name: string): string => `${cellDirectories.work.slice(1)}/${name}`;

/**
 * Servers before 1.30 cannot close stdin, so tar never reads end of file. It needs one complete record, which it reads
 * at once.
 */
const recordBytes = 10_240;

/** Where the program of a directory finds what it needs. */
export const placesOf = (directory: string): ProgramPlaces => ({
  shell: "sh",
  work: cellDirectories.work,
  kernels: posix.join(cellDirectories.run, directory, "kernels"),
  kernelHome: `${cellDirectories.temporary}/kgents/.kernel`,
});

/** The files that a call of the kernel needs. Each call brings them: another worker may have run the one before. */
async function kernelEntries({ program, directory, language }: PodProgram): Promise<ArchiveEntry[]> {
  if (program.kernel === undefined) return [];
  const named = kernelFilesOf(language).map(async (name) => ({
    name: inRun(directory, `kernels/${name}`),
    content: await kernelFile(name),
    mode: 0o600,
  }));
  return Promise.all(named);
}

async function entriesOf(run: PodProgram): Promise<ArchiveEntry[]> {
  const { program, directory, n, language } = run;
  const environment = { ...commonEnvironment, ...program.env };
  const words = commandOf(program, n, { language, interpreter: program.command }, placesOf(directory));
  const code = codeFileOf(program);
  const stdin = stdinOf(program);
  return [
    ...program.files.map((file) => ({ name: inWork(file.name), content: file.content, mode: modeOf(file) })),
    ...(code === undefined ? [] : [{ name: inWork(code.name), content: code.content, mode: 0o644 }]),
    ...(await kernelEntries(run)),
    ...(stdin === undefined ? [] : [{ name: inRun(directory, "stdin"), content: stdin, mode: 0o600 }]),
    { name: inRun(directory, "timeout"), content: `${program.timeout}\n`, mode: 0o600 },
    // Last: once this file exists, everything before it is complete.
    { name: inRun(directory, "command"), content: renderCommandFile(words, environment), mode: 0o600 },
  ];
}

/** The line before the archive, in cells of many programs. */
function firstLine({ program, directory }: PodProgram): string {
  const code = codeFileOf(program);
  return directory === "." ? "" : foldersLine([...program.files, ...(code === undefined ? [] : [code])]);
}

/**
 * Sends the delivery and ends the stream. If content cannot be read, the stream is destroyed, so that no code starts on
 * incomplete input.
 *
 * @throws KgentsError `artifact-unavailable`; whatever the target fails with
 */
export async function deliver(run: PodProgram, target: Writable): Promise<void> {
  const archive = pack();
  const entries = await entriesOf(run);
  const line = firstLine(run);
  if (line !== "") target.write(line);
  const filled = fillArchive(archive, entries, run.context.open).catch((error) => {
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
