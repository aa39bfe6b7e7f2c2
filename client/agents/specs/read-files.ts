/**
 * Reads the files that describe Agents.
 *
 * @module
 */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { isMissing } from "#platform/host/error-code";
import type { Mistaken } from "./spec-file.ts";

/** The largest file, in bytes. An Agent itself has at most a quarter of it. */
const maximumBytes = 1_048_576;

const mistaken = (file: string, message: string): Mistaken => ({
  kind: "mistakes",
  mistakes: [{ file, line: 1, column: 1, field: "", message }],
});

/** Reads text from a stream, as far as it may be long. A byte order mark is kept. */
async function readText(file: string, stream: Readable): Promise<string | Mistaken> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > maximumBytes) return mistaken(file, `got more than ${maximumBytes} bytes; no Agent is as large`);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    return mistaken(file, "the file is not UTF-8 text");
  }
}

const unreadable = (file: string, cause: unknown): KgentsError => {
  const why = isMissing(cause) ? "there is no such file or directory" : `it cannot be read: ${messageOf(cause)}`;
  return new KgentsError("not-found", `${file}: ${why}`, { cause, remedy: "Name a file that can be read." });
};

/**
 * Reads a file; the content of standard input if it is `-`.
 *
 * @param root the directory that relative paths begin at
 * @returns the text, or the mistake that makes it unreadable as text
 * @throws KgentsError `not-found` if it cannot be read
 */
export async function readAgentText(root: string, file: string): Promise<string | Mistaken> {
  try {
    return await readText(file, file === "-" ? process.stdin : createReadStream(resolve(root, file)));
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Whether a path names a directory. @throws KgentsError `not-found` if there is nothing */
export async function isDirectory(root: string, path: string): Promise<boolean> {
  try {
    return (await stat(resolve(root, path))).isDirectory();
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * The files of a directory with one of these extensions, by name, not those of its subdirectories. Hidden files are left
 * out: editors keep locks and copies in them.
 *
 * @throws KgentsError `not-found` if it cannot be read
 */
export async function filesOf(root: string, directory: string, extensions: readonly string[]): Promise<string[]> {
  const entries = await readdir(resolve(root, directory), { withFileTypes: true }).catch((error) => {
    throw unreadable(directory, error);
  });
  return entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
    .filter((entry) => extensions.some((extension) => entry.name.endsWith(extension)))
    .map(({ name }) => (directory === "." ? name : `${directory.replace(/\/+$/, "")}/${name}`))
    .sort();
}
