import type { Readable } from "node:stream";
import { maximumStreamBytes } from "#core/contract/result";
import { messageOf } from "#core/text/message-of";
import { collectOutputs } from "../../files/collect-outputs.ts";
import { type ControlReader, controlReader } from "../../files/control-reader.ts";
import { readKernelResult } from "../../files/kernel-result.ts";
import type { OmittedFile } from "../../files/omissions.ts";
import { findPattern } from "../../files/output-patterns.ts";
import { collectionMilliseconds } from "../../files/output-plan.ts";
import { kernelResultFile, neverOutput } from "../../program-command.ts";
import type { KernelResult, ProgramContext } from "../../provider.ts";
import { cellContainer } from "../cell/classify-cell.ts";
import { cellScripts } from "./cell-scripts.ts";
import { type CollectEnd, conclude, type Head, readHead, remark, type StreamBytes } from "./collected.ts";
import { placesOf } from "./delivery.ts";
import { type ExecSession, openSession, type SessionEnd } from "./exec-session.ts";
import { byteCounter, type PodProgram } from "./pod-program.ts";
import { pour } from "./pour.ts";

/** Bounds a collector that hangs on a file of the code, such as a FIFO. */
const idleMilliseconds = 20_000;
/** The most bytes that may follow the files. tar pads to its record size; an image whose tar sends more is hostile. */
const largestRest = 1024 * 1024;

/**
 * Time for the rest of both streams, in addition to the files. Assumes at least 4 MiB a second; a slower connection
 * could not follow the output either.
 */
const streamsMilliseconds = 30_000;

/** Yields the next `bytes` bytes of a stream and leaves the rest unread. */
async function* take(output: ControlReader, bytes: number): AsyncGenerator<Buffer> {
  for (let left = bytes; left > 0; ) {
    const chunk = await output.some(left);
    if (chunk === undefined) return;
    left -= chunk.length;
    yield chunk;
  }
}

/** How many more bytes to request: one byte beyond the limit shows that the output was truncated. */
const wanted = (received: number): number => Math.max(0, maximumStreamBytes + 1 - received);

/** How a program's output is collected. */
export interface Collection {
  /** The disk limit of the cell, in bytes. */
  readonly disk: number;
  /** The names of the output files that are stored. They are not stored again. */
  readonly saved: Set<string>;
  /** Ends the collection, also while it waits for the cell or the store. */
  readonly signal: AbortSignal;
}

/** Collects the output files, which follow the streams. */
async function collectFiles(
  { program, context }: PodProgram,
  { disk, saved, signal }: Collection,
  output: ControlReader,
  giveUp: () => void,
): Promise<OmittedFile[]> {
  try {
    return await collectOutputs(output, {
      globs: program.outputs,
      except: neverOutput(program),
      largestTotal: disk,
      save: (name, content, bytes) => saveOnce(saved, context, name, content, bytes),
      giveUp,
      signal,
    });
  } catch (error) {
    return [remark(`output files could not be stored: ${messageOf(error)}`)];
  }
}

/** Reads what follows the files and drops it. @param giveUp called for each chunk after too many bytes */
async function skipRest(output: ControlReader, giveUp: () => void): Promise<void> {
  let bytes = 0;
  for await (const chunk of output.rest()) {
    bytes += chunk.length;
    if (bytes > largestRest) giveUp();
  }
}

/** What came on one connection, up to its end. */
interface Received {
  /** Undefined if it did not come in full, or makes no sense. */
  readonly head: Head | undefined;
  readonly kernelResult: KernelResult | undefined;
  readonly filesOmitted: readonly OmittedFile[];
  readonly end: SessionEnd;
}

/** Receives the head, the rest of both streams and the files, in this order. */
async function receive(
  run: PodProgram,
  collection: Collection,
  session: ExecSession,
  most: StreamBytes,
): Promise<Received> {
  const { program, context, state } = run;
  const { signal } = collection;
  const before = state.received.stderr;
  const errors = pour(session.stderr, context.stderr, byteCounter(state, "stderr"), signal);
  errors.catch(session.close);
  const output = controlReader(session.stdout);
  const head = await readHead(output, most);
  // Do not read on after a malformed head.
  if (head === undefined && !output.isOver()) session.close();
  if (head !== undefined) {
    await pour(take(output, head.stdout), context.stdout, byteCounter(state, "stdout"), signal);
  }
  const isCall = head !== undefined && program.kernel === true;
  const kernelResult = isCall ? await readKernelResult(output) : undefined;
  let gaveUp = false;
  const giveUp = (): void => {
    if (gaveUp) return;
    // Only give up for good if the script's stderr was received in full, since it comes before the files. Otherwise
    // collect again.
    gaveUp = state.received.stderr >= before + (head?.stderr ?? 0);
    session.close();
  };
  const hasFiles = head !== undefined && program.outputs.length > 0;
  const filesOmitted = hasFiles ? await collectFiles(run, collection, output, giveUp) : [];
  await skipRest(output, giveUp);
  const [end] = await Promise.all([session.ended, errors]);
  return { head, kernelResult, filesOmitted, end: gaveUp ? { exitCode: 0 } : end };
}

/**
 * Collects the results of the code: its exit status, the kernel's counters, the rest of both streams, and the output
 * files.
 *
 * Can be repeated: the cell keeps everything until it is released. Files that were stored before are not stored again.
 */
export async function collectOnce(run: PodProgram, collection: Collection): Promise<CollectEnd> {
  const { client, pod, program, n, directory, state } = run;
  const { received } = state;
  const { disk, signal } = collection;
  const before = { ...received };
  const most = { stdout: wanted(received.stdout), stderr: wanted(received.stderr) };
  const result = program.kernel ? kernelResultFile(placesOf(directory).kernelHome, n) : null;
  const command = cellScripts.collect(directory, received, most, result, program.outputs.map(findPattern));
  const target = { pod, container: cellContainer };
  const session = await openSession(client, target, command, { idleMilliseconds, signal });
  // Limits the whole collection, however slowly the cell sends: the image's programs may be hostile.
  const clock = setTimeout(session.close, collectionMilliseconds(disk) + streamsMilliseconds);
  try {
    const { head, kernelResult, filesOmitted, end } = await receive(run, collection, session, most);
    const isShort = (stream: "stdout" | "stderr"): boolean =>
      head !== undefined && received[stream] < before[stream] + head[stream];
    if (isShort("stdout") || isShort("stderr")) {
      if (signal.aborted) return { failed: "its output was not collected and stored in time" };
      // Under load, an exec was observed to report success before its last bytes arrived.
      return { failed: "the connection ended before all of the output came" };
    }
    return conclude(head, { kernelResult, filesOmitted }, end);
  } finally {
    clearTimeout(clock);
    session.close();
  }
}

async function saveOnce(
  saved: Set<string>,
  context: ProgramContext,
  name: string,
  content: Readable,
  bytes: number,
): Promise<boolean> {
  if (saved.has(name)) {
    content.resume();
    return true;
  }
  const taken = await context.saveFile(name, content, bytes);
  if (taken) saved.add(name);
  return taken;
}
