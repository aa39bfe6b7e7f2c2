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

/** The ids of processes whose command line equals the text, not of those that only contain it. */
export async function processesRunning(commandLine: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await processesWith(commandLine)) {
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (words.replaceAll("\0", " ").trim() === commandLine) found.push(pid);
  }
  return found;
}
