import type { Check } from "../../doctor/check.ts";
import { examine } from "../../doctor/examine.ts";
import type { RunFlags } from "../runs/with-runs.ts";
import { print, printJson } from "../terminal/print.ts";
import { reportError } from "../terminal/reporter.ts";
import { colour, plain } from "../terminal/terminal-text.ts";

/** Exit code if runs cannot be carried out. */
const notUsable = 1;

const nameWidth = 11;
const stateWidth = 9;
const colours = { ok: "green", warning: "yellow", failed: "red" } as const;

function inWords({ name, status, found, remedy }: Check): string[] {
  const line = `${colour(colours[status], status.padEnd(stateWidth))}${name.padEnd(nameWidth)}${plain(found)}`;
  return remedy === null ? [line] : [line, `${" ".repeat(stateWidth + nameWidth)}${plain(remedy)}`];
}

/** `kgents doctor`: exits 0 only if runs can be carried out. */
export async function doctor(flags: RunFlags): Promise<number> {
  try {
    const { usable, checks } = await examine(flags.config);
    const verdict = usable ? "Runs can be carried out." : "Runs cannot be carried out yet: see the failed checks.";
    if (flags.json) await printJson({ usable, checks }, 2);
    else await print([...checks.flatMap(inWords), verdict, ""].join("\n"));
    return usable ? 0 : notUsable;
  } catch (error) {
    return reportError(error, { json: flags.json === true });
  }
}
