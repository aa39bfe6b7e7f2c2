/**
 * Loaded into a worker's process by `--import`. Measures how long its event loop is blocked. On SIGUSR2 it prints the
 * measurements on stderr and starts again.
 *
 * @module
 */
import { openSync, readSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/** The measurements, in milliseconds. */
export interface LoopMeasure {
  /** The longest delay of a timer, from `perf_hooks`. Includes time in which other programs had the processor. */
  readonly delay: number;
  /** The same, without the time in which the loop's thread was runnable but had no processor. */
  readonly stood: number;
  /** The longest computing time of the loop's thread between two ticks of a timer. */
  readonly busy: number;
}

const resolution = 10;

const computed = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** The second number is the time in nanoseconds that the main thread has waited for a processor. */
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
