import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { KgentsError } from "#core/contract/error";

/** @throws KgentsError `invalid-request` where nobody could answer a question, and `--yes` was not said */
export function refuseWithoutTerminal(yes: boolean, what: string): void {
  if (yes || (process.stdin.isTTY && process.stderr.isTTY)) return;
  throw new KgentsError("invalid-request", `--yes: got nothing, and there is no terminal to ask on; ${what}`, {
    field: "--yes",
    remedy: "Say --yes to do it without being asked.",
  });
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

/** Asks a question on the terminal; anything but yes is no. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // A terminal in this mode sends no signal for Ctrl-C.
    terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    // Whoever ends the input (Ctrl-D) has not said yes. Older versions of Node then wait for the answer without end.
    const ended = once(terminal, "close", { signal }).then(() => "");
    const asked = terminal.question(`kgents: ${question} [y/N] `, { signal });
    const answer = await Promise.race([asked, ended]).catch((error) => {
      if (signal.aborted || !isAbort(error)) throw error;
      return "";
    });
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
