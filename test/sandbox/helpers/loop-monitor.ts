/**
 * Loaded into a worker's process by `--import`: measures how long its event loop stands still. On SIGUSR2 it says so on stderr and
 * begins anew.
 *
 * @module
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/** What is said, in milliseconds. */
export interface LoopMeasure {
  /** The longest time that a timer came late: work of the loop, and other programs that had the processor. */
  readonly delay: number;
  /** The most that the loop's own thread computed between two ticks of a timer: its own work alone, whatever else the machine does. */
  readonly busy: number;
}

const resolution = 10;

const microseconds = (): number => {
  const { user, system } = process.threadCpuUsage();
  return user + system;
};

// Workflows run in threads of their own.
if (isMainThread) {
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  let busy = 0;
  let last = microseconds();
  const tick = (): void => {
    const now = microseconds();
    busy = Math.max(busy, (now - last) / 1000);
    last = now;
  };
  setInterval(tick, resolution).unref();
  process.on("SIGUSR2", () => {
    const measure: LoopMeasure = { delay: delay.max / 1e6, busy };
    process.stderr.write(`${JSON.stringify({ loop: measure })}\n`);
    delay.reset();
    busy = 0;
    last = microseconds();
  });
}
