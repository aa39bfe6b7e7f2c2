import type { ControlReader } from "../../files/control-reader.ts";
import { readKernelResult } from "../../files/kernel-result.ts";
import { parseExitLine } from "../sandbox/exit-line.ts";
import type { SessionConnection } from "../sandbox/follow-program.ts";
import { copyUntilEmpty } from "./copy-until-empty.ts";
import type { SessionStopper } from "./session-stopper.ts";

const newline = 0x0a;

/** Parses the line `process N`, by which the program's process says its number; undefined if it is another line. */
function processOf(line: string | undefined): number | undefined {
  const [, digits] = /^process ([1-9]\d{0,9})$/.exec(line ?? "") ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * What the follower of a program needs if it is one of a session.
 *
 * @param isCall whether the program is a call of the kernel
 */
export function sessionConnection(reports: ControlReader, stopper: SessionStopper, isCall: boolean): SessionConnection {
  let isTimedOut = false;
  const endLine = async (): Promise<string | undefined> => {
    const line = await reports.until(newline);
    const number = processOf(line);
    if (number === undefined) return line;
    stopper.started(number);
    return reports.until(newline);
  };
  return {
    copy: copyUntilEmpty,
    end: async () => {
      const end = parseExitLine(await endLine());
      isTimedOut = end?.timedOut ?? false;
      stopper.exited();
      return end;
    },
    kernelResult: async () => (isCall ? readKernelResult(reports) : undefined),
    // The clock in the sandbox kills everything.
    stoppedBy: () => (isTimedOut ? "kill" : stopper.stoppedBy()),
  };
}
