/**
 * Follows one program from the moment its streams exist to its end, whether it has a sandbox of its own or runs in one
 * that stays.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Content } from "#core/contract/request";
import { messageOf } from "#core/text/message-of";
import { collectOutputs } from "../../files/collect-outputs.ts";
import type { ControlReader } from "../../files/control-reader.ts";
import { deliverInputs, type InputFile } from "../../files/deliver-inputs.ts";
import type { OmittedFile } from "../../files/omissions.ts";
import type { KernelResult, ProgramContext, ProgramOutcome } from "../../provider.ts";
import type { ControlGroup, GroupUsage } from "../cgroups/control-group.ts";
import { watchMemory } from "../cgroups/watch-memory.ts";
import { beginningOf } from "../launcher/read-beginning.ts";
import type { CellLimits } from "../machine/limits.ts";
import { copyOutput } from "./copy-output.ts";
import { type ExitLine, parseExitLine } from "./exit-line.ts";
import { outcomeOf, type Trouble } from "./program-outcome.ts";

/** The input of one program, determined before it starts. */
export interface ProgramPlan {
  /** Names that are never output: the code's own file. */
  readonly except: ReadonlySet<string>;
  readonly inputs: readonly InputFile[];
  readonly stdin: Content | undefined;
  readonly outputs: readonly string[];
  /** Wall-clock time of the program, in milliseconds. */
  readonly timeout: number;
  readonly limits: CellLimits;
}

/** What is different for a program of a session. */
export interface SessionConnection {
  /** Copies a stream that other processes may hold open. `endWhenQuiet` is called when the program has ended. */
  readonly copy: typeof copyOutput;
  /** Reads the supervisor's report of the end; undefined if none comes. */
  readonly end: () => Promise<ExitLine | undefined>;
  /** Reads what the kernel says of a call, which follows the report of the end; undefined if it is no call. */
  readonly kernelResult: () => Promise<KernelResult | undefined>;
  readonly stoppedBy: () => ProgramOutcome["stoppedBy"];
}

/** The connections of one program and its supervisor with the worker. */
export interface ProgramConnections {
  /** Undefined if the program has no stdin. */
  readonly stdin: Writable | undefined;
  readonly stdout: Socket;
  readonly stderr: Socket;
  /** What the supervisor's shell prints. */
  readonly diagnostics: Readable;
  /** Takes a tar of the input files. Undefined if there are none. */
  readonly inputs: Writable | undefined;
  /** The supervisor's reports, then the output files. */
  readonly reports: ControlReader;
  readonly group: ControlGroup | undefined;
  /** Whether the supervisor is there; false if it failed before. */
  readonly ready: Promise<boolean>;
  /**
   * Sends everything else that the supervisor needs.
   *
   * @param delivered resolves with whether all input files were sent; undefined if there are none
   */
  readonly begin: (delivered: Promise<boolean> | undefined) => void;
  /** Ends the program: kills every process of it. One of a session gets the chance to end by itself. */
  readonly kill: () => void;
  /** Set if the program is one of a session. */
  readonly session?: SessionConnection;
  /** Whether the supervisor reports the end of a program that `kill` has ended. Asked when the end was reported. */
  readonly wasKilled: () => boolean;
  /** Resolves when no process of the program is left, and in a session when the next program may come. */
  readonly over: Promise<void>;
  /** Whether processes may still hold the streams open after that. */
  readonly mayStayOpen: boolean;
  /** The counters of the program. */
  readonly usage: () => GroupUsage | undefined;
  /** Closes everything at once, also what waits for a process that the kernel does not end. */
  readonly destroy: () => void;
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
export function rejection(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  // Avoids an unhandled rejection: most runs never await it.
  promise.catch(() => {});
  return promise;
}

/** Collects the output files of a program that has ended. */
async function collect(
  plan: ProgramPlan,
  { reports, kill }: ProgramConnections,
  context: ProgramContext,
): Promise<readonly OmittedFile[]> {
  if (plan.outputs.length === 0) return [];
  return collectOutputs(reports, {
    globs: plan.outputs,
    except: plan.except,
    largestTotal: plan.limits.work,
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

/** Sends the input files. Resolves with whether all were sent; undefined if there are none. */
function deliver(
  { inputs }: ProgramPlan,
  connections: ProgramConnections,
  context: ProgramContext,
  fail: (error: unknown) => void,
): Promise<boolean> | undefined {
  if (inputs.length === 0 || connections.inputs === undefined) return undefined;
  return deliverInputs(inputs, context.open, connections.inputs).then(
    () => true,
    (error) => {
      fail(error);
      return false;
    },
  );
}

/**
 * Follows a program to its end. Every wait ends when the run is abandoned, even if the kernel does not end a killed
 * process.
 *
 * @param stdin the opened stdin, if the program has one
 * @throws KgentsError if the code was certainly not started
 */
export async function followProgram(
  plan: ProgramPlan,
  connections: ProgramConnections,
  context: ProgramContext,
  stdin: Readable | undefined,
): Promise<ProgramOutcome> {
  const { reports, group, kill } = connections;
  context.stop.addEventListener("abort", kill, { once: true });
  // Before the supervisor continues: code that is already stopped must not start.
  if (context.stop.aborted) kill();

  let trouble: Trouble | undefined;
  const fail = (what: string) => (error: unknown) => {
    trouble ??= { what: `${what}: ${messageOf(error)}`, error };
    kill();
  };
  const { session } = connections;
  const copy = session?.copy ?? copyOutput;
  const stdout = copy(connections.stdout, context.stdout);
  const stderr = copy(connections.stderr, context.stderr);
  const stored = Promise.all([
    stdout.ended.catch(fail("stdout could not be stored")),
    stderr.ended.catch(fail("stderr could not be stored")),
  ]);
  if (stdin === undefined || connections.stdin === undefined) connections.stdin?.end();
  else feedStdin(stdin, connections.stdin).catch(fail("stdin could not be read"));
  const diagnostics = beginningOf(connections.diagnostics);
  const delivered = deliver(plan, connections, context, fail("the input files could not be delivered"));
  connections.begin(delivered);

  const watch = group && watchMemory(group, plan.limits);
  const follow = async (): Promise<ProgramOutcome> => {
    const started = (await connections.ready) && (await reports.until(newline)) === "run";
    if (started) context.started();
    const awaitEnd = session?.end ?? (async () => parseExitLine(await reports.until(newline)));
    const end = started ? await awaitEnd() : undefined;
    const wasKilled = connections.wasKilled();
    context.ended();
    if (session !== undefined) for (const stream of [stdout, stderr]) stream.endWhenQuiet();
    const kernelResult = end && (await session?.kernelResult());
    const filesOmitted = end === undefined ? [] : await collect(plan, connections, context);
    await connections.over;
    await delivered;
    if (connections.mayStayOpen) for (const stream of [stdout, stderr]) stream.endWhenQuiet();
    const [said] = await Promise.all([diagnostics, stored]);
    const [usage, memoryKills] = [connections.usage(), watch?.end() ?? 0];
    return outcomeOf({
      started,
      end,
      wasKilled,
      said,
      trouble,
      usage,
      memoryKills,
      filesOmitted,
      streams: [stdout, stderr],
      timeout: plan.timeout,
      isStopped: context.stop.aborted,
      stoppedBy: session?.stoppedBy(),
      kernelResult,
    });
  };
  try {
    return await Promise.race([follow(), rejection(context.abandoned)]);
  } catch (error) {
    if (!context.abandoned.aborted) throw error;
    for (const stream of [stdout, stderr]) stream.abandon(context.abandoned.reason);
    connections.destroy();
    throw error;
  } finally {
    watch?.end();
    context.stop.removeEventListener("abort", kill);
  }
}
