/**
 * Loaded into a worker's process by `--import`: measures how long its event loop stands still. On SIGUSR2 it says so on stderr and
 * begins anew.
 *
 * @module
 */
import { openSync, readSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/** What is said, in milliseconds. */
export interface LoopMeasure {
  /** The longest time that a timer came late, as `perf_hooks` has it: other programs that had the processor are in it. */
  readonly delay: number;
  /** The same without the time for which the loop's thread could have run and was given no processor. */
  readonly stood: number;
  /** The most that the loop's own thread computed between two ticks of a timer. */
  readonly busy: number;
}

const resolution = 10;

const computed = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** The second number is for how many nanoseconds the main thread has waited for a processor. */
const schedule = isMainThread ? openSync(`/proc/self/task/${process.pid}/schedstat`, "r") : -1;
const buffer = Buffer.alloc(128);
const waited = (): number => {
  const bytes = readSync(schedule, buffer, 0, buffer.length, 0);
  return Number(buffer.toString("latin1", 0, bytes).split(" ")[1]) / 1e6;
};

// Workflows run in threads of their own.
if (isMainThread) {
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  let most = { stood: 0, busy: 0 };
  const now = () => ({ at: performance.now(), computed: computed(), waited: waited() });
  let last = now();
  const tick = (): void => {
    const next = now();
    const late = next.at - last.at - resolution - (next.waited - last.waited);
    most = { stood: Math.max(most.stood, late), busy: Math.max(most.busy, next.computed - last.computed) };
    last = next;
  };
  setInterval(tick, resolution).unref();
  process.on("SIGUSR2", () => {
    const loop: LoopMeasure = { delay: delay.max / 1e6, ...most };
    process.stderr.write(`${JSON.stringify({ loop })}\n`);
    delay.reset();
    most = { stood: 0, busy: 0 };
    last = now();
  });
}
