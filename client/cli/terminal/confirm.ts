import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { KgentsError } from "#core/contract/error";

/** @throws KgentsError `invalid-request` if there is no terminal to ask on and `--yes` was not given */
export function refuseWithoutTerminal(yes: boolean, what: string): void {
  if (yes || (process.stdin.isTTY && process.stderr.isTTY)) return;
  throw new KgentsError(
    "invalid-request",
    `--yes: it is required, because there is no terminal to ask for confirmation; ${what}`,
    {
      field: "--yes",
      remedy: "Pass --yes to skip the confirmation.",
    },
  );
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

/** Asks a question on the terminal. Any answer but yes means no. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // In this mode, the terminal sends no signal for Ctrl-C.
    terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    // The end of the input (Ctrl-D) means no. Older versions of Node never settle the question then.
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
