/**
 * One run, from a waiting launcher to its end.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { KgentsError } from "../../../core/error.ts";
import type { Content } from "../../../core/request.ts";
import type { CellOutcome, ExecuteContext } from "../backend.ts";
import { exitCodeOf } from "../files/cell-words.ts";
import { collectOutputs, type OmittedFile } from "../files/collect-outputs.ts";
import { deliverInputs, type InputFile } from "../files/deliver-inputs.ts";
import { beginningOf } from "./beginning-of.ts";
import { exitStatus } from "./exit-status.ts";
import type { Launcher } from "./launcher.ts";
import type { CellLimits } from "./limits.ts";
import { sandboxFailure } from "./sandbox-failure.ts";
import { descriptors } from "./sandbox-paths.ts";

/** Everything that a run is made from, decided before it starts. */
export interface SandboxRun {
  /** The run's uid where the worker is root. */
  readonly uid: number | null;
  /** The line that lets the launcher go: {@link Launcher}. */
  readonly goAhead: string;
  readonly bubblewrapArguments: readonly string[];
  readonly script: string;
  /** The content of /etc/passwd. */
  readonly accounts: string;
  readonly code: Buffer | null;
  readonly codeFile: string;
  readonly inputs: readonly InputFile[];
  readonly stdin: Content | undefined;
  readonly outputs: readonly string[];
  readonly limits: CellLimits;
}

const newline = 0x0a;

/** How long streams may take to end after the sandbox has, in milliseconds. Only a run without a sandbox needs it. */
const drainPatience = 2000;

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Sends the code's stdin; it need not be read. A content that cannot be read rejects. */
async function feedStdin(content: Readable, target: Writable): Promise<void> {
  let failure: unknown;
  content.once("error", (error) => {
    failure = error;
  });
  await pipeline(content, target).catch(() => {});
  if (failure !== undefined) throw failure;
}

/**
 * Lets a launcher go and follows it to its end.
 *
 * @throws KgentsError where the code was certainly not started
 */
export async function runSandbox(launcher: Launcher, run: SandboxRun, context: ExecuteContext): Promise<CellOutcome> {
  const { socket, group, control } = launcher;
  const stdin = run.stdin === undefined ? undefined : await context.open(run.stdin);
  group?.limit(run.limits);
  const kill = (): void => launcher.kill();
  context.stop.addEventListener("abort", kill, { once: true });

  // Trouble of our own that ends the run: the first one counts.
  let trouble: { readonly what: string; readonly error: unknown } | undefined;
  const fail = (what: string) => (error: unknown) => {
    if (givenUp) return;
    trouble ??= { what: `${what}: ${message(error)}`, error };
    kill();
  };
  let givenUp = false;

  const { stdout, stderr } = launcher.openOutput(run.uid);
  const store = (source: Socket, target: Writable, name: string): Promise<void> =>
    pipeline(source, target, { end: false }).catch(fail(`${name} could not be stored`));
  const stdoutEnded = store(stdout, context.stdout, "stdout");
  const stderrEnded = store(stderr, context.stderr, "stderr");
  if (stdin === undefined) socket(descriptors.stdin).end();
  else feedStdin(stdin, socket(descriptors.stdin)).catch(fail("stdin could not be read"));

  const diagnostics = beginningOf(socket(descriptors.diagnostics));
  const channel = socket(descriptors.control);
  socket(descriptors.code).end(run.code ?? "");
  socket(descriptors.script).end(run.script);
  socket(descriptors.accounts).end(run.accounts);
  socket(descriptors.arguments).end(`${run.goAhead}\n${run.bubblewrapArguments.map((word) => `${word}\0`).join("")}`);
  if (context.stop.aborted) kill();

  const delivered =
    run.inputs.length === 0
      ? undefined
      : deliverInputs(run.inputs, context.open, channel).catch(fail("the input files could not be delivered"));

  const started = (await launcher.ready) && (await control.until(newline)) === "run";
  if (started) context.started();
  const status = started ? exitCodeOf(/^exit (\d+)$/.exec((await control.until(newline)) ?? "")?.[1]) : undefined;
  let filesOmitted: readonly OmittedFile[] = [];
  if (status !== undefined && run.outputs.length > 0) {
    filesOmitted = await collectOutputs(control, {
      globs: run.outputs,
      except: new Set(run.code === null ? [] : [run.codeFile]),
      largestTotal: run.limits.work,
      save: context.saveFile,
      giveUp: kill,
      signal: context.stop,
      // The phase that runs the code has two minutes for all that comes after it.
      patienceMilliseconds: 90_000,
    }).catch((error) => {
      kill();
      return [{ name: "...", reason: `output files could not be stored: ${message(error)}` }];
    });
  }
  await launcher.ended;
  await delivered;
  context.stop.removeEventListener("abort", kill);
  const giveUp = setTimeout(() => {
    givenUp = true;
    for (const stream of [stdout, stderr]) stream.destroy();
  }, drainPatience);
  const [said] = await Promise.all([diagnostics, stdoutEnded, stderrEnded]);
  clearTimeout(giveUp);

  const usage = group?.usage();
  const killedForMemory = (usage?.memoryKills ?? 0) > 0;
  const outcome = {
    exit: status === undefined ? null : exitStatus(status, said),
    outOfMemory: killedForMemory && status !== 0,
    lost: null,
    usage: { peakMemoryBytes: usage?.peakMemoryBytes ?? null, cpuSeconds: usage?.cpuSeconds ?? null },
    filesOmitted,
  };
  if (status !== undefined) return trouble === undefined ? outcome : { ...outcome, exit: null, lost: trouble.what };
  if (context.stop.aborted) return outcome;
  if (!started)
    throw trouble?.error instanceof KgentsError ? trouble.error : sandboxFailure(said || trouble?.what || "");
  if (killedForMemory) return { ...outcome, exit: { code: 137, signal: "SIGKILL" } };
  return { ...outcome, lost: trouble?.what ?? "the sandbox was killed from outside while the code ran" };
}
