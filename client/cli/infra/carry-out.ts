import { interruptedExitCode } from "#core/contract/command-exit-code";
import { createReporter, type Reporter, reportError } from "../terminal/reporter.ts";
import { watchSignals } from "./infra-interruption.ts";

/** How a command reports. */
export interface CarryOutOptions {
  readonly json?: true | undefined;
  /** What is said on Ctrl-C. @default that it cleans up */
  readonly interrupted?: string;
}

/** Runs a command. Reports errors through one reporter, and cleans up on Ctrl-C. */
export async function carryOut(
  { json, interrupted = "interrupted; cleaning up (a second time exits at once)" }: CarryOutOptions,
  command: (reporter: Reporter, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const reporter = await createReporter(false);
  const signals = watchSignals(reporter, interrupted);
  try {
    return await command(reporter, signals.signal);
  } catch (error) {
    reporter.settled();
    const wasAsked = signals.signal.aborted && error instanceof Error && error.name === "AbortError";
    // Report errors of the cleanup, with what is left behind.
    const exitCode = wasAsked ? interruptedExitCode : await reportError(error, { json: json === true });
    return signals.signal.aborted ? interruptedExitCode : exitCode;
  } finally {
    reporter.settled();
    signals.over();
  }
}
