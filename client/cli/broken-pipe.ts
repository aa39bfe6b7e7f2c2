/**
 * What happens when whoever reads our output has gone, as in `kgents exec ... | head -1`: we end as a program that SIGPIPE
 * ends, but not before a run that nobody would see the end of was told to stop.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";

/** 128 + SIGPIPE. */
const brokenPipe = 141;
/** A server that does not answer must not keep a command alive that nobody listens to. */
const farewellMilliseconds = 5000;

let farewell: () => Promise<unknown> = async () => {};
let leaving = false;

/** Sets what is done before leaving. */
export function beforeBrokenPipe(action: () => Promise<unknown>): void {
  farewell = action;
}

/** Watches both streams for the rest of the process. */
export function watchPipes(): void {
  const onError = async (error: NodeJS.ErrnoException): Promise<void> => {
    if (error.code !== "EPIPE") throw error;
    if (leaving) return;
    leaving = true;
    await Promise.race([farewell().catch(() => {}), wait(farewellMilliseconds)]);
    process.exit(brokenPipe);
  };
  for (const stream of [process.stdout, process.stderr]) stream.on("error", onError);
}
