import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { KgentsError } from "../../core/error.ts";

/** @throws KgentsError `invalid-request` where nobody could answer a question, and `--yes` was not said */
export function refuseWithoutTerminal(yes: boolean, what: string): void {
  if (yes || (process.stdin.isTTY && process.stderr.isTTY)) return;
  throw new KgentsError("invalid-request", `--yes: got nothing, and there is no terminal to ask on; ${what}`, {
    field: "--yes",
    remedy: "Say --yes to do it without being asked.",
  });
}

/** Asks a question on the terminal; anything but yes is no. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // A terminal in this mode sends no signal for Ctrl-C.
    terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    // Whoever ends the input (Ctrl-D) has not said yes; a question alone would then be waited for without end.
    const closed = once(terminal, "close", { signal }).then(() => "");
    const answer = await Promise.race([terminal.question(`kgents: ${question} [y/N] `, { signal }), closed]);
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
