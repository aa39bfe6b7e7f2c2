import { mergeLanguages } from "#core/configuration/configuration";
import { builtInLanguages } from "#core/contract/language";
import { formatDuration } from "#core/text/duration";
import { loadConfiguration } from "#platform/host/configuration-file";
import type { RunSummary } from "../../sdk/runs/list-runs.ts";
import type { RunFilter } from "../../sdk/runs/run-query.ts";
import { pairs } from "../exec/exec-request.ts";
import { print, printJson } from "../terminal/print.ts";
import { type Column, table } from "../terminal/table.ts";
import { colour, terminalWidth } from "../terminal/terminal-text.ts";
import { ageInWords } from "./age.ts";
import { colourState } from "./format-run.ts";
import type { PsFlags } from "./look-commands.ts";
import { withRuns } from "./with-runs.ts";

/** Resolves an alias to its language. Keeps unknown names: a worker may know a language that this machine does not. */
async function canonicalLanguage(name: string, config: string | undefined): Promise<string> {
  const { configuration } = await loadConfiguration({ path: config });
  const wanted = name.toLowerCase();
  const languages = mergeLanguages(builtInLanguages, configuration);
  return languages.find((language) => language.aliases.includes(wanted))?.name ?? wanted;
}

async function filterOf(flags: PsFlags): Promise<RunFilter> {
  const { all, language, label, since, config } = flags;
  const status = flags.status ?? (all ? undefined : (["running"] as const));
  return {
    ...(status ? { status } : {}),
    ...(language === undefined ? {} : { language: await canonicalLanguage(language, config) }),
    ...(label ? { labels: pairs("--label", label) } : {}),
    ...(since ? { since } : {}),
  };
}

const columnsAt = (now: number): Column<RunSummary>[] => [
  { title: "ID", text: ({ id }) => id, style: (text) => colour("bold", text) },
  { title: "STATUS", text: ({ status }) => status, style: (text, { status }) => colourState(text, status) },
  { title: "LANGUAGE", text: ({ language }) => language, optional: 3 },
  { title: "BACKEND", text: ({ backend }) => backend ?? "", optional: 5 },
  { title: "STARTED", text: ({ startedAt }) => ageInWords((now - startedAt.getTime()) / 1000), optional: 2 },
  {
    title: "TOOK",
    text: ({ startedAt, closedAt }) => formatDuration((closedAt?.getTime() ?? now) - startedAt.getTime()),
    optional: 4,
  },
  { title: "CODE", text: ({ title }) => title, optional: 1 },
];

/** `kgents ps`. */
export const ps = (flags: PsFlags): Promise<number> =>
  withRuns(flags, async (quartermaster, reporter) => {
    const asTable = process.stdout.isTTY && !flags.json;
    const runs: RunSummary[] = [];
    const options = { ...(await filterOf(flags)), limit: flags.limit + 1, onRemark: reporter.say };
    for await (const run of quartermaster.list(options)) {
      runs.push(run);
      if (runs.length > flags.limit) break;
      if (!asTable) await printJson(run);
    }
    const shown = runs.slice(0, flags.limit);
    if (asTable && shown.length > 0) {
      await print(`${table(columnsAt(Date.now()), shown, terminalWidth()).join("\n")}\n`);
    }
    if (runs.length > flags.limit) reporter.say(`there are more than ${flags.limit} runs: raise --limit to list more`);
    if (asTable && shown.length === 0) {
      reporter.say(flags.all || flags.status ? "no such runs" : "no open runs; --all also lists runs that have ended");
    }
    return 0;
  });
