/**
 * Reads and writes control files. Synchronous, because the kernel answers in microseconds; the thread pool would cost
 * twenty times as much, a dozen times per run.
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

function readText(directory: string | undefined, name: string): string {
  if (directory === undefined) return "";
  try {
    return readFileSync(join(directory, name), "utf8");
  } catch {
    return "";
  }
}

/** Writes a control file. */
export const writeControl = (directory: string, name: string, value: string | number): void =>
  writeFileSync(join(directory, name), String(value));

/** Writes a control file that may not exist in this kernel; false on failure. */
export function tryControl(directory: string, name: string, value: string | number): boolean {
  try {
    writeControl(directory, name, value);
    return true;
  } catch {
    return false;
  }
}

/** Whether the control file exists in this kernel. */
export const hasControl = (directory: string, name: string): boolean => existsSync(join(directory, name));

/** Reads a control file as a number; null if it is missing or not a number. */
export function readNumber(directory: string | undefined, name: string): number | null {
  const text = readText(directory, name);
  return /^\d+\s*$/.test(text) ? Number(text) : null;
}

/** Reads one value of a control file with lines of the form `key value`; null if it is missing. */
export function readKey(directory: string | undefined, name: string, key: string): number | null {
  const value = new RegExp(`^${key} (\\d+)$`, "m").exec(readText(directory, name))?.[1];
  return value === undefined ? null : Number(value);
}

/** Reads a control file as words. */
export const readWords = (directory: string, name: string): Set<string> =>
  new Set(readText(directory, name).split(/\s+/).filter(Boolean));

/** The processes of a group, as this pid namespace numbers them. */
export const groupProcesses = (directory: string): number[] =>
  // 0 stands for a process in another pid namespace, which has no id here.
  [...readWords(directory, "cgroup.procs")].map(Number).filter((pid) => pid > 0);
