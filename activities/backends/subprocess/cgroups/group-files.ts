import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Writes a control file. */
export const writeControl = (directory: string, name: string, value: string | number): Promise<void> =>
  writeFile(join(directory, name), String(value));

/** Writes a control file that this kernel may not have. */
export const tryControl = (directory: string, name: string, value: string | number): Promise<boolean> =>
  writeControl(directory, name, value).then(
    () => true,
    () => false,
  );

/** Reads a control file as a number; null where there is none, or it holds a word. */
export async function readNumber(directory: string | undefined, name: string): Promise<number | null> {
  if (directory === undefined) return null;
  const text = await readFile(join(directory, name), "utf8").catch(() => "");
  return /^\d+\s*$/.test(text) ? Number(text) : null;
}

/** Reads one value of a control file with lines of the form `key value`; null where there is none. */
export async function readKey(directory: string | undefined, name: string, key: string): Promise<number | null> {
  if (directory === undefined) return null;
  const text = await readFile(join(directory, name), "utf8").catch(() => "");
  const value = new RegExp(`^${key} (\\d+)$`, "m").exec(text)?.[1];
  return value === undefined ? null : Number(value);
}

/** The processes of a group, as this pid namespace numbers them. */
export async function groupProcesses(directory: string): Promise<number[]> {
  const text = await readFile(join(directory, "cgroup.procs"), "utf8").catch(() => "");
  // 0 stands for a process of another pid namespace, which cannot be named from here.
  return text.split("\n").map(Number).filter((pid) => pid > 0);
}
