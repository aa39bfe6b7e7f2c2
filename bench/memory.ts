import { readFile } from "node:fs/promises";
import { startBenchStack } from "./stack.ts";

/** Resident memory of a process, in MiB, from /proc. */
export async function residentMebibytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** The numbers of runs after which memory is read. Growth per run shows between the last two. */
const readings = [0, 250, 500, 1000, 1500, 3000];
const inFlight = 10;

/** Measures the stack's memory when idle and after runs, and whether it stops growing. */
export async function* measureMemory(binaries: { temporal: string; bubblewrap: string }): AsyncGenerator<string> {
  await using stack = await startBenchStack(binaries);
  let begun = 0;
  let before = { server: 0, worker: 0, runs: 0 };
  for (const runs of readings) {
    const lane = async (): Promise<void> => {
      for (; begun < runs; await stack.runTrue()) begun += 1;
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    const [server, worker] = await Promise.all([
      residentMebibytes(stack.serverPid),
      residentMebibytes(stack.workerPid),
    ]);
    yield `after ${runs} runs: server ${server.toFixed(0)} MiB, worker ${worker.toFixed(0)} MiB`;
    const kibibytes = (growth: number): string => ((growth * 1024) / (runs - before.runs)).toFixed(1);
    if (runs === readings.at(-1)) {
      yield `growth from run ${before.runs} to ${runs}, a run: server ${kibibytes(server - before.server)} KiB, worker ${kibibytes(worker - before.worker)} KiB`;
    }
    before = { server, worker, runs };
  }
}
