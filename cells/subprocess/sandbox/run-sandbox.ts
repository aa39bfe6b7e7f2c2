/**
 * Carries out one run, from a waiting launcher to its end.
 *
 * @module
 */

import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { KgentsError } from "#core/contract/error";
import type { Content } from "#core/contract/request";
import { messageOf } from "#core/text/message-of";
import { collectOutputs, type OmittedFile } from "../../files/collect-outputs.ts";
import { deliverInputs, type InputFile } from "../../files/deliver-inputs.ts";
import type { ProgramContext, ProgramOutcome } from "../../provider.ts";
import { ranTooLong } from "../../ran-too-long.ts";
import { watchMemory } from "../cgroups/watch-memory.ts";
import { beginningOf } from "../launcher/beginning-of.ts";
import type { Launcher } from "../launcher/launcher.ts";
import type { CellLimits } from "../machine/limits.ts";
import { copyOutput } from "./copy-output.ts";
import { parseExitLine } from "./exit-line.ts";
import { exitStatus } from "./exit-status.ts";
import { sandboxFailure } from "./sandbox-failure.ts";
import { descriptors } from "./sandbox-paths.ts";

/** The complete input of a run, determined before it starts. */
export interface SandboxRun {
  /** The run's uid if the worker is root. */
  readonly uid: number | null;
  /** Releases the uid once no process of the run is left. */
  readonly releaseUid: () => void;
  /** The line that makes the launcher continue: {@link Launcher}. */
  readonly goAhead: string;
  readonly bubblewrapArguments: readonly string[];
  readonly script: string;
  /** The content of /etc/passwd. */
  readonly accounts: string;
  /** The content of /etc/group; null without a sandbox. */
  readonly groups: string | null;
  readonly code: Buffer | null;
  readonly codeFile: string;
  readonly inputs: readonly InputFile[];
  readonly stdin: Content | undefined;
  readonly outputs: readonly string[];
  /** Wall-clock time of the code, in milliseconds. */
  readonly timeout: number;
  readonly limits: CellLimits;
}

const newline = 0x0a;

/** Sends the code's stdin, which the code need not read. Rejects if the content cannot be read. */
async function feedStdin(content: Readable, target: Writable): Promise<void> {
  let failure: unknown;
  content.once("error", (error) => {
    failure = error;
  });
  await pipeline(content, target).catch(() => {});
  if (failure !== undefined) throw failure;
}

/** A promise that rejects with a signal's reason when it is aborted. */
function rejection(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  // Avoids an unhandled rejection: most runs never await it.
  promise.catch(() => {});
  return promise;
}

/**
 * Starts a launcher and follows it to its end. Every wait ends when the run is abandoned, even if the kernel does not
 * end a killed process.
 *
 * @throws KgentsError if the code was certainly not started
 */
export async function runSandbox(
  launcher: Launcher,
  run: SandboxRun,
  context: ProgramContext,
): Promise<ProgramOutcome> {
  const { socket, group, control } = launcher;
  const abandoned = rejection(context.abandoned);
  const unlessAbandoned = <Value>(work: Promise<Value>): Promise<Value> => Promise.race([work, abandoned]);
  const stdin = run.stdin === undefined ? undefined : await unlessAbandoned(context.open(run.stdin));
  group?.limit(run.limits);
  const kill = (): void => launcher.kill();
  context.stop.addEventListener("abort", kill, { once: true });
  // Before the launcher continues: code that is already stopped must not start.
  if (context.stop.aborted) kill();

  // The first error on the worker's side; it ends the run.
  let trouble: { readonly what: string; readonly error: unknown } | undefined;
  const fail = (what: string) => (error: unknown) => {
    trouble ??= { what: `${what}: ${messageOf(error)}`, error };
    kill();
  };

  const output = launcher.openOutput(run.uid);
  const stdout = copyOutput(output.stdout, context.stdout);
  const stderr = copyOutput(output.stderr, context.stderr);
  const stored = Promise.all([
    stdout.ended.catch(fail("stdout could not be stored")),
    stderr.ended.catch(fail("stderr could not be stored")),
  ]);
  if (stdin === undefined) socket(descriptors.stdin).end();
  else feedStdin(stdin, socket(descriptors.stdin)).catch(fail("stdin could not be read"));

  const diagnostics = beginningOf(socket(descriptors.diagnostics));
  const channel = socket(descriptors.control);
  socket(descriptors.code).end(run.code ?? "");
  socket(descriptors.script).end(run.script);
  socket(descriptors.accounts).end(run.accounts);
  if (run.groups !== null) socket(descriptors.groups).end(run.groups);
  socket(descriptors.arguments).end(`${run.goAhead}\n${run.bubblewrapArguments.map((word) => `${word}\0`).join("")}`);

  const delivered =
    run.inputs.length === 0
      ? undefined
      : deliverInputs(run.inputs, context.open, channel).catch(fail("the input files could not be delivered"));

  const watch = group && watchMemory(group, run.limits);
  const follow = async (): Promise<ProgramOutcome> => {
    const started = (await launcher.ready) && (await control.until(newline)) === "run";
    if (started) context.started();
    const end = started ? parseExitLine(await control.until(newline)) : undefined;
    context.ended();
    let filesOmitted: readonly OmittedFile[] = [];
    if (end !== undefined && run.outputs.length > 0) {
      filesOmitted = await collectOutputs(control, {
        globs: run.outputs,
        except: new Set(run.code === null ? [] : [run.codeFile]),
        largestTotal: run.limits.work,
        save: context.saveFile,
        giveUp: kill,
        signal: context.stop,
        // Less than the minute for everything after the code's end, so that the streams can be stored as well.
        patienceMilliseconds: 45_000,
      }).catch((error) => {
        kill();
        return [{ name: "...", reason: `output files could not be stored: ${messageOf(error)}` }];
      });
    }
    await launcher.ended;
    await delivered;
    // Without a sandbox, a process that left the process group may keep the streams open forever.
    if (launcher.isBare) for (const stream of [stdout, stderr]) stream.endWhenQuiet();
    const [said] = await Promise.all([diagnostics, stored]);

    const usage = group?.usage();
    const killedForMemory = (usage?.memoryKills ?? 0) + (watch?.end() ?? 0) > 0;
    const outcome = {
      exit: end === undefined ? null : exitStatus(end.status, said),
      outOfMemory: killedForMemory && end?.status !== 0,
      stopped: end?.timedOut ? ({ reason: "timed-out", detail: ranTooLong(run.timeout) } as const) : null,
      lost: null,
      usage: { peakMemoryBytes: usage?.peakMemoryBytes ?? null, cpuSeconds: usage?.cpuSeconds ?? null },
      read: { stdout: stdout.bytes(), stderr: stderr.bytes() },
      ranMilliseconds: end?.ranMilliseconds ?? null,
      filesOmitted,
    };
    if (end !== undefined) return trouble === undefined ? outcome : { ...outcome, exit: null, lost: trouble.what };
    if (context.stop.aborted) return outcome;
    if (!started)
      throw trouble?.error instanceof KgentsError ? trouble.error : sandboxFailure(said || trouble?.what || "");
    if (killedForMemory) return { ...outcome, exit: { code: 137, signal: "SIGKILL" } };
    return { ...outcome, lost: trouble?.what ?? "the sandbox was killed from outside while the code ran" };
  };
  try {
    return await unlessAbandoned(follow());
  } catch (error) {
    if (!context.abandoned.aborted) throw error;
    kill();
    for (const stream of [stdout, stderr]) stream.abandon(context.abandoned.reason);
    // Ends the remaining waits of `follow`, except for processes that the kernel does not end.
    for (const stream of launcher.child.stdio) stream?.destroy();
    throw error;
  } finally {
    launcher.ended.then(run.releaseUid);
    watch?.end();
    context.stop.removeEventListener("abort", kill);
  }
}
