/**
 * Small JSON state files that processes share. Writes are atomic, and content is validated on read.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fullDiskRemedy, namingFullDisk } from "./disk-space.ts";

interface Types {
  string: string;
  number: number;
  boolean: boolean;
}

/** The type of each field of a state file. zod would take longer to load than all of this takes to run. */
export type Shape = Readonly<Record<string, keyof Types>>;

/** The content of a file with that shape. */
export type Shaped<S extends Shape> = { readonly [Key in keyof S]: Types[S[Key]] };

function hasShape<S extends Shape>(value: unknown, shape: S): value is Shaped<S> {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return Object.entries(shape).every(([name, type]) => typeof fields.get(name) === type);
}

/** Parses text as an object of a shape; undefined if it does not match. */
export function parseState<S extends Shape>(text: string, shape: S): Shaped<S> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return hasShape(value, shape) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a file of a shape; undefined if it does not exist or does not match. */
export async function readStateFile<S extends Shape>(path: string, shape: S): Promise<Shaped<S> | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? undefined : parseState(text, shape);
}

/** Replaces a file atomically. Creates its directory with access for the owner alone. */
export const writeStateFile = (path: string, content: object): Promise<void> =>
  writeStateText(path, `${JSON.stringify(content, null, 2)}\n`);

/** As {@link writeStateFile}, for text. */
export async function writeStateText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}.draft`;
  try {
    await writeFile(draft, text, { mode: 0o600 });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw namingFullDisk(error, `${path} cannot be written`, fullDiskRemedy);
  }
}
