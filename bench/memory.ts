import { readFile } from "node:fs/promises";
import { startBenchStack } from "./stack.ts";

/** Resident memory of a process, in MiB, as the kernel counts it. */
async function residentMebibytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** What the idle stack takes, before and after runs. */
export async function* measureMemory(binaries: { temporal: string; bubblewrap: string }): AsyncGenerator<string> {
  await using stack = await startBenchStack(binaries);
  const both = async (): Promise<string> => {
    const [server, worker] = await Promise.all([stack.serverPid, stack.workerPid].map(residentMebibytes));
    return `server ${server?.toFixed(0)} MiB, worker ${worker?.toFixed(0)} MiB`;
  };
  yield `resident memory when idle: ${await both()}`;
  for (let round = 1; round <= 3; round += 1) {
    for (let i = 0; i < 100; i += 1) await stack.runTrue();
    yield `after ${round * 100} runs: ${await both()}`;
  }
}
