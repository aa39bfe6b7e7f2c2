import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { TestWorker } from "./worker.ts";

/** The directories of the cgroups of a worker process's runs, in every hierarchy. */
export async function groupsOf(pid: number | undefined, directory = "/sys/fs/cgroup"): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  return entries
    .filter((name) => new RegExp(`(?:^|/)kgents/${pid}-[^/]*$`).test(name))
    .map((name) => join(directory, name));
}

/** Processes whose command line contains a text. */
export async function processesWith(text: string): Promise<number[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const line = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
      return line.replaceAll("\0", " ").includes(text) ? [Number(name)] : [];
    }),
  );
  return found.flat().filter((pid) => pid !== process.pid);
}

/** Mounts that contain a directory's path. */
export const mountsWith = async (text: string): Promise<string[]> =>
  (await readFile("/proc/self/mountinfo", "utf8")).split("\n").filter((line) => line.includes(text));

/** The entries of a state directory that belong to runs. */
export async function cellsIn(stateDirectory: string): Promise<string[]> {
  const entries = await readdir(stateDirectory).catch(() => []);
  const launchers = await readdir(join(stateDirectory, ".launchers")).catch(() => []);
  return [...entries.filter((name) => !name.startsWith(".")), ...launchers];
}

/** Ends a worker, which may leave no cell and no cgroup. */
export async function endWithoutLeftovers({ stateDirectory, process: { pid }, close }: TestWorker): Promise<void> {
  await close();
  expect(await cellsIn(stateDirectory)).toEqual([]);
  expect(await groupsOf(pid)).toEqual([]);
}
