/**
 * Handles output that can no longer be written: the reader has exited (`kgents exec ... | head -1`), the disk is full,
 * or the terminal is closed. What this command has started is cancelled first, because its result could not be shown.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { complain, type StreamName } from "./print.ts";

/** 128 + SIGPIPE: the exit code of a program whose reader has exited. */
const brokenPipe = 141;
const couldNotWrite = 125;
/** A server that does not respond must not keep the command alive. */
const farewellMilliseconds = 5000;

/** Cancels what this command has started. Resolves with a message about it, or undefined if nothing was started. */
type Farewell = () => Promise<string | undefined>;

let farewell: Farewell = async () => undefined;
let leaving = false;

/** Sets the action to run before exiting. */
export function beforeLosingOutput(action: Farewell): void {
  farewell = action;
}

const places: Readonly<Record<StreamName, string>> = { stdout: "standard output", stderr: "standard error" };

async function leave(name: StreamName, error: NodeJS.ErrnoException): Promise<void> {
  if (leaving) return;
  leaving = true;
  const what = await Promise.race([farewell().catch(() => undefined), wait(farewellMilliseconds, undefined)]);
  if (error.code === "EPIPE") process.exit(brokenPipe);
  // If standard error itself is lost, no message can be shown.
  if (name === "stdout") complain(`${places[name]} cannot be written: ${error.message}${what ? `; ${what}` : ""}`);
  process.exit(couldNotWrite);
}

/** Watches both streams for the rest of the process. */
export function watchOutput(): void {
  for (const name of ["stdout", "stderr"] as const) process[name].on("error", (error) => void leave(name, error));
}
