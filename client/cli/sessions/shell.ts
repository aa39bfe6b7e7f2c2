import { createInterface } from "node:readline";
import { Quartermaster } from "../../sdk/quartermaster.ts";
import type { CodeSession } from "../../sdk/sessions/code-session.ts";
import { complain } from "../terminal/print.ts";
import { createReporter, reportError } from "../terminal/reporter.ts";
import { requesterOfCommandLine } from "../terminal/requester.ts";
import { printCall } from "./print-call.ts";
import { sessionFieldsOf } from "./session.ts";
import type { ShellFlags } from "./session-command.ts";

/** The prompts of a first line, and of a line that continues code. */
const prompts = { first: ">>> ", more: "... " } as const;

/** Whether a line begins code of several lines, which an empty line ends. */
const continues = (line: string): boolean => /[:{([\\]\s*$/.test(line);

/** Reads code: one line, or several that an empty line ends. @returns undefined at the end of input */
async function readCode(lines: AsyncIterator<string>, prompt: (text: string) => void): Promise<string | undefined> {
  prompt(prompts.first);
  const first = await lines.next();
  if (first.done) return undefined;
  const code = [first.value];
  if (!continues(first.value)) return first.value;
  for (;;) {
    prompt(prompts.more);
    const next = await lines.next();
    if (next.done || next.value.trim() === "") return code.join("\n");
    code.push(next.value);
  }
}

/** Reads and runs code until the end of input. Returns the exit code of the last call. */
async function converse(session: CodeSession, quartermaster: Quartermaster): Promise<number> {
  const reporter = await createReporter(false);
  const isTerminal = process.stdin.isTTY === true;
  const terminal = createInterface({ input: process.stdin, ...(isTerminal ? { output: process.stdout } : {}) });
  let isRunning = false;
  terminal.on("SIGINT", () => {
    if (isRunning) session.interrupt().catch((error) => complain(`not interrupted: ${error.message}`));
    else terminal.close();
  });
  const lines = terminal[Symbol.asyncIterator]();
  const prompt = (text: string): void => {
    terminal.setPrompt(text);
    if (isTerminal) terminal.prompt();
  };
  let exitCode = 0;
  for (;;) {
    const code = await readCode(lines, prompt);
    if (code === undefined) break;
    if (code.trim() === "") continue;
    isRunning = true;
    try {
      const result = await session.run(code);
      exitCode = await printCall(result, await quartermaster.store(), undefined, reporter);
    } finally {
      isRunning = false;
    }
  }
  terminal.close();
  return exitCode;
}

/** `kgents shell`. */
export async function shell(flags: ShellFlags): Promise<number> {
  const reporter = await createReporter(false);
  const quartermaster = new Quartermaster({
    ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
    startLocalStack: flags.session === undefined,
    onProgress: reporter.progress,
  });
  try {
    await using session =
      flags.session === undefined
        ? await quartermaster.openSession({ ...(await sessionFieldsOf(flags)), requester: requesterOfCommandLine() })
        : await quartermaster.getSession(flags.session);
    // Also says at once if there is no such session.
    await session.files.list();
    reporter.settled();
    return await converse(session, quartermaster);
  } catch (error) {
    reporter.settled();
    return reportError(error, { json: false, id: flags.session });
  } finally {
    await quartermaster.close();
  }
}
