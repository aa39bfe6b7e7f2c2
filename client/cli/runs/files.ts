import { KgentsError } from "#core/contract/error";
import type { ExecutionResult, FileResult } from "#core/contract/result";
import { closest } from "#core/text/closest";
import { writeOutputFiles } from "../exec/write-files.ts";
import { print, printJson } from "../terminal/print.ts";
import { type Column, table } from "../terminal/table.ts";
import { terminalWidth } from "../terminal/terminal-text.ts";
import { type RunFlags, withRuns } from "./with-runs.ts";

/** Flags of `kgents files`. */
export interface FilesFlags extends RunFlags {
  readonly outputDir?: string;
}

const columns: Column<FileResult>[] = [
  { title: "BYTES", text: ({ bytes }) => String(bytes) },
  { title: "SHA-256", text: ({ sha256 }) => sha256.slice(0, 12), optional: 1 },
  { title: "NAME", text: ({ name }) => name },
];

/** The files that were named, or all. */
function chosen(result: ExecutionResult, names: readonly string[]): FileResult[] {
  if (names.length === 0) return result.files;
  const known = result.files.map(({ name }) => name);
  return [...new Set(names)].map((name) => {
    const file = result.files.find((other) => other.name === name);
    if (file) return file;
    const meant = closest(name, known);
    const hint = meant === undefined ? "" : ` (did you mean ${meant}?)`;
    throw new KgentsError("not-found", `the run ${result.id} returned no file ${JSON.stringify(name)}${hint}`, {
      remedy: `\`kgents files ${result.id}\` lists its output files; exec's --output selects them.`,
    });
  });
}

/** `kgents files`. */
export const files = (
  id: string,
  verb: string | undefined,
  names: readonly string[],
  flags: FilesFlags,
): Promise<number> =>
  withRuns(
    flags,
    async (quartermaster, reporter) => {
      if (verb !== undefined && verb !== "get") {
        throw new KgentsError("invalid-request", `argument: got ${JSON.stringify(verb)}; allowed is only get`, {
          field: "argument",
          remedy: `\`kgents files ${id} get ${verb}\` gets that file.`,
        });
      }
      const handle = await quartermaster.get(id);
      if ((await handle.describe()).status === "running") {
        throw new KgentsError("not-found", `the run ${id} is still running: its files are available when it ends`, {
          remedy: `Wait for it with \`kgents wait ${id}\`.`,
        });
      }
      const result = await handle.result();
      if (verb === "get") {
        const wanted = { ...result, files: chosen(result, names), filesOmitted: [] };
        const say = flags.json ? () => {} : reporter.say;
        const complete = await writeOutputFiles(wanted, flags.outputDir, await quartermaster.store(), say);
        if (flags.json) for (const file of wanted.files) await printJson(entry(file));
        else if (wanted.files.length === 0) say("the run returned no files");
        return complete ? 0 : 125;
      }
      for (const { name, reason } of result.filesOmitted)
        reporter.say(`${name || "(several)"} was not returned: ${reason}`);
      if (!process.stdout.isTTY || flags.json) {
        for (const file of result.files) await printJson(entry(file));
      } else if (result.files.length > 0) {
        await print(`${table(columns, result.files, terminalWidth()).join("\n")}\n`);
      }
      if (process.stdout.isTTY && result.files.length === 0) reporter.say("the run returned no files");
      return 0;
    },
    id,
  );

const entry = ({ name, bytes, sha256 }: FileResult) => ({ name, bytes, sha256 });
