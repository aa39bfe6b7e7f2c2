/**
 * What happens when our output goes nowhere any more: the reader has gone, as in `kgents exec ... | head -1`, the disk is full, or
 * the terminal is closed. What this command has started is cancelled first: nobody would see its end.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { complain, type StreamName } from "./print.ts";

/** 128 + SIGPIPE: how a program ends that writes to nobody. */
const brokenPipe = 141;
const couldNotWrite = 125;
/** A server that does not answer must not keep a command alive that nobody listens to. */
const farewellMilliseconds = 5000;

/** Ends what this command has started. Resolves with words on it; without any where nothing was started. */
type Farewell = () => Promise<string | undefined>;

let farewell: Farewell = async () => undefined;
let leaving = false;

/** Sets what is done before leaving. */
export function beforeLosingOutput(action: Farewell): void {
  farewell = action;
}

const places: Readonly<Record<StreamName, string>> = { stdout: "standard output", stderr: "standard error" };

async function leave(name: StreamName, error: NodeJS.ErrnoException): Promise<void> {
  if (leaving) return;
  leaving = true;
  const what = await Promise.race([farewell().catch(() => undefined), wait(farewellMilliseconds, undefined)]);
  if (error.code === "EPIPE") process.exit(brokenPipe);
  // Of standard error itself nobody would read it.
  if (name === "stdout") complain(`${places[name]} cannot be written: ${error.message}${what ? `; ${what}` : ""}`);
  process.exit(couldNotWrite);
}

/** Watches both streams for the rest of the process. */
export function watchOutput(): void {
  for (const name of ["stdout", "stderr"] as const) process[name].on("error", (error) => void leave(name, error));
}
