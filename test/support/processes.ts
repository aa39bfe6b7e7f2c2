import { readdir, readFile } from "node:fs/promises";

/** The ids of processes whose command line contains a text. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const commandLine = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    if (commandLine.replaceAll("\0", " ").includes(text)) found.push(Number(name));
  }
  return found;
}
