import { mergeLanguages } from "#core/configuration/configuration";
import { interruptedExitCode } from "#core/contract/command-exit-code";
import { KgentsError } from "#core/contract/error";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { loadConfiguration } from "#platform/host/configuration-file";
import { onEndingSignal } from "#platform/host/ending-signals";
import { Quartermaster } from "../../sdk/quartermaster.ts";
import type { CodeSession } from "../../sdk/sessions/code-session.ts";
import { refuse } from "../exec/code-source.ts";
import type { ExecFlags } from "../exec/exec-command.ts";
import { requestOf } from "../exec/exec-request.ts";
import { complain, printJson } from "../terminal/print.ts";
import { createReporter, type Reporter, reportError } from "../terminal/reporter.ts";
import { requesterOfCommandLine } from "../terminal/requester.ts";
import { exitCodeOfCall, printCall } from "./print-call.ts";
import { partsOf } from "./session-fields.ts";

/** The first signal interrupts the command's call, the second ends the command. */
function interruptOnSignal(session: CodeSession, reporter: Reporter, call: AbortController): () => void {
  return onEndingSignal(() => {
    if (call.signal.aborted) {
      complain(`stopped at once; the call in ${session.id} may go on`);
      process.exit(interruptedExitCode);
    }
    reporter.say("interrupting; a second time exits at once");
    call.abort();
  });
}

/** Refuses code of another language than that of the session. */
async function checkLanguage(
  session: CodeSession,
  wanted: string | undefined,
  config: string | undefined,
): Promise<void> {
  if (wanted === undefined) return;
  const { language } = await session.state();
  if (language === null) return;
  const { configuration } = await loadConfiguration({ path: config });
  const { name } = findLanguage(mergeLanguages(builtInLanguages, configuration), wanted);
  if (name === language) return;
  throw new KgentsError(
    "invalid-request",
    `--lang: got ${name}; allowed is ${language}, the language of ${session.id}`,
    {
      field: "--lang",
      remedy: "Use a session of that language, or run the code without --session.",
    },
  );
}

/** Refuses flags that are about a run of its own. */
function checkFlags({ detach, dryRun, id, priority }: ExecFlags): void {
  const given = Object.entries({ "--detach": detach, "--dry-run": dryRun, "--id": id, "--priority": priority });
  const [flag] = given.find(([, value]) => value !== undefined) ?? [];
  if (flag !== undefined) throw refuse(flag, "got a value; allowed is none with --session", "Leave it out.");
}

/** `kgents exec --session` and `kgents session run`: runs code in a session. */
export async function runInSession(
  id: string,
  argument: string | undefined,
  flags: ExecFlags & { readonly create?: true; readonly isolated?: true },
): Promise<number> {
  const reporter = await createReporter(flags.quiet === true);
  const quartermaster = new Quartermaster({
    ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
    startLocalStack: flags.create === true,
    onProgress: reporter.progress,
  });
  try {
    checkFlags(flags);
    const request = await requestOf(argument, flags, () => quartermaster.store(), reporter);
    const { call, session: fields } = partsOf(request, flags.create === true);
    const session = flags.create
      ? await quartermaster.openSession({ ...fields, requester: requesterOfCommandLine() }, { id })
      : await quartermaster.getSession(id);
    if (!flags.create) await checkLanguage(session, fields.language, flags.config);
    reporter.settled();
    const interruption = new AbortController();
    const stopListening = interruptOnSignal(session, reporter, interruption);
    const whole = flags.isolated ? { ...call, isolated: true } : call;
    const result = await session.run(whole, { signal: interruption.signal }).finally(stopListening);
    if (flags.create && result.call === 1) reporter.say("this is the first call of the session");
    if (!flags.json) return await printCall(result, await quartermaster.store(), flags.outputDir, reporter);
    await printJson(result);
    return exitCodeOfCall(result);
  } catch (error) {
    reporter.settled();
    return reportError(error, { json: flags.json === true, id });
  } finally {
    await quartermaster.close();
  }
}
