import { exitCodeOfFailure } from "#core/contract/command-exit-code";
import { mistakeInWords, type SpecMistake } from "../../../agents/specs/spec-mistake.ts";
import { complain, printBytes, printJson } from "../../terminal/print.ts";
import { plain } from "../../terminal/terminal-text.ts";

const kind = "invalid-request";

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

/**
 * Reports the mistakes of files: one line each on stderr, as compilers write them; with `--json` also on stdout.
 *
 * @param consequence what follows, such as `nothing was changed`
 * @returns the exit code
 */
export async function reportMistakes(
  mistakes: readonly SpecMistake[],
  consequence: string,
  json: boolean,
): Promise<number> {
  for (const mistake of mistakes) await printBytes("stderr", `${plain(mistakeInWords(mistake))}\n`);
  const files = new Set(mistakes.map(({ file }) => file)).size;
  const message = `${counted(mistakes.length, "mistake")} in ${counted(files, "file")}; ${consequence}`;
  complain(message);
  if (json) await printJson({ error: { kind, message, field: null, remedy: "Correct the files." }, mistakes }, 2);
  return exitCodeOfFailure(kind);
}
