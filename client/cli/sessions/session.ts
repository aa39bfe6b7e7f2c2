/**
 * `kgents session`.
 *
 * @module
 */

import { findFiles } from "../../sdk/input-files/find-files.ts";
import { readFiles } from "../../sdk/input-files/read-files.ts";
import { Quartermaster } from "../../sdk/quartermaster.ts";
import type { SessionSummary } from "../../sdk/sessions/list-sessions.ts";
import { inputOf, pairs } from "../exec/exec-request.ts";
import { packagesOf } from "../exec/packages.ts";
import { writeOutputFiles } from "../exec/write-files.ts";
import { ageInWords } from "../runs/age.ts";
import { withRuns } from "../runs/with-runs.ts";
import { print, printJson } from "../terminal/print.ts";
import { createReporter, reportError } from "../terminal/reporter.ts";
import { requesterOfCommandLine } from "../terminal/requester.ts";
import { type Column, table } from "../terminal/table.ts";
import { colour, terminalWidth } from "../terminal/terminal-text.ts";
import type { CreateSessionFlags, GetFlags, ListSessionsFlags, SessionFlags } from "./session-command.ts";

/** The fields of a session that flags set. */
export async function sessionFieldsOf(flags: CreateSessionFlags) {
  const { startupTimeout, cpu, memory, disk, backend, image, network, idleTimeout, maximumAge, restore } = flags;
  const given = Object.entries({
    ...{ startupTimeout, cpu, memory, disk, backend, image, network, idleTimeout, maximumAge, restore },
    language: flags.lang,
    packages: await packagesOf(flags, flags.lang),
    labels: flags.label && pairs("--label", flags.label),
    fallback: flags.fallback ? undefined : false,
  });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** `kgents session create`: prepares the cell, and prints the id. */
export async function createSession(id: string | undefined, flags: CreateSessionFlags): Promise<number> {
  const reporter = await createReporter(false);
  const quartermaster = new Quartermaster({
    ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
    onProgress: reporter.progress,
  });
  try {
    const fields = { ...(await sessionFieldsOf(flags)), requester: requesterOfCommandLine() };
    const session = await quartermaster.openSession(fields, { id });
    // The first update starts the session.
    await session.files.list();
    reporter.settled();
    await (flags.json ? printJson({ id: session.id, ...(await session.state()) }) : print(`${session.id}\n`));
    return 0;
  } catch (error) {
    reporter.settled();
    return reportError(error, { json: flags.json === true, id });
  } finally {
    await quartermaster.close();
  }
}

const columnsAt = (now: number): Column<SessionSummary>[] => [
  { title: "ID", text: ({ id }) => id, style: (text) => colour("bold", text) },
  { title: "STATUS", text: ({ status }) => status },
  { title: "LANGUAGE", text: ({ language }) => language, optional: 1 },
  { title: "BACKEND", text: ({ backend }) => backend ?? "", optional: 4 },
  { title: "CALLS", text: ({ calls }) => (calls === null ? "" : String(calls)), optional: 3 },
  { title: "STARTED", text: ({ startedAt }) => ageInWords((now - startedAt.getTime()) / 1000), optional: 2 },
];

/** `kgents session ls`. */
export const listSessions = (flags: ListSessionsFlags): Promise<number> =>
  withRuns(flags, async (quartermaster, reporter) => {
    const asTable = process.stdout.isTTY && !flags.json;
    const sessions: SessionSummary[] = [];
    for await (const session of quartermaster.listSessions({ closed: flags.all === true })) {
      sessions.push(session);
      if (!asTable) await printJson(session);
    }
    if (asTable && sessions.length > 0) {
      await print(`${table(columnsAt(Date.now()), sessions, terminalWidth()).join("\n")}\n`);
    } else if (asTable) {
      reporter.say(flags.all ? "no sessions" : "no open sessions; --all also lists those that have ended");
    }
    return 0;
  });

/** `kgents session put`: writes files and folders into the work directory. */
export const putFiles = (id: string, paths: readonly string[], flags: SessionFlags): Promise<number> =>
  withRuns(
    flags,
    async (quartermaster, reporter) => {
      const found = await findFiles(await Promise.all(paths.map(inputOf)), "path");
      const files = await readFiles(found, "path", () => quartermaster.store());
      const { written } = await (await quartermaster.getSession(id)).files.write(files);
      if (flags.json) for (const file of written) await printJson(file);
      else reporter.say(written.length === 1 ? "wrote 1 file" : `wrote ${written.length} files`);
      return 0;
    },
    id,
  );

/** `kgents session get`: reads files of the work directory. */
export const getFiles = (id: string, patterns: readonly string[], flags: GetFlags): Promise<number> =>
  withRuns(
    flags,
    async (quartermaster, reporter) => {
      const session = await quartermaster.getSession(id);
      if (patterns.length === 0) {
        const { files, omitted } = await session.files.list();
        for (const file of files) await (flags.json ? printJson(file) : print(`${file.name}\n`));
        if (omitted > 0) reporter.say(`${omitted} more files are not listed`);
        return 0;
      }
      const read = await session.files.read([...patterns]);
      const say = flags.json ? () => {} : reporter.say;
      const isWhole = await writeOutputFiles(read, flags.outputDir, await quartermaster.store(), say);
      if (flags.json) for (const { name, bytes, sha256 } of read.files) await printJson({ name, bytes, sha256 });
      return isWhole && read.filesOmitted.length === 0 ? 0 : 125;
    },
    id,
  );

/** `kgents session rm`: ends sessions. */
export const removeSessions = (ids: readonly string[], flags: SessionFlags): Promise<number> =>
  withRuns(flags, async (quartermaster) => {
    let exitCode = 0;
    for (const id of ids) {
      try {
        const end = await (await quartermaster.getSession(id)).close();
        await (flags.json ? printJson(end) : print(`${id}\n`));
      } catch (error) {
        exitCode = await reportError(error, { json: flags.json === true, id });
      }
    }
    return exitCode;
  });
