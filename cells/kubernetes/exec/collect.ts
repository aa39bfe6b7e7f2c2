import type { Readable } from "node:stream";
import type { Program } from "#core/contract/cell-shape";
import { maximumStreamBytes } from "#core/contract/result";
import { type ExitMarker, parseExitMarker } from "#core/manifest/exit-marker";
import { countOf } from "../../files/cell-values.ts";
import { collectionMilliseconds, collectOutputs, type OmittedFile } from "../../files/collect-outputs.ts";
import { type ControlReader, controlReader } from "../../files/control-reader.ts";
import { findPattern } from "../../files/output-patterns.ts";
import type { ProgramContext } from "../../provider.ts";
import type { ClusterClient } from "../api/cluster-client.ts";
import { cellContainer } from "../cell/classify-cell.ts";
import { cellScripts, scriptExit } from "./cell-scripts.ts";
import { openSession, type SessionEnd } from "./exec-session.ts";
import { type Progress, pour } from "./follow.ts";

/** The results that a cell reports when its code has ended. */
export interface Collected {
  /** Undefined if the code has overwritten it. */
  readonly marker: ExitMarker | undefined;
  readonly memoryKills: number;
  readonly peakMemoryBytes: number | null;
  readonly cpuSeconds: number | null;
  /**
   * How long the code ran, by the cell's own clock; null if its supervisor is of an older version or the code has
   * overwritten the value.
   */
  readonly elapsedMilliseconds: number | null;
  readonly filesOmitted: readonly OmittedFile[];
}

/**
 * Either the results; or that the output is not in the cell any more; or why they could not be read, where another
 * connection may succeed.
 */
export type CollectEnd = { readonly collected: Collected } | { readonly discarded: true } | { readonly failed: string };

const newline = 10;
/** Bounds a collector that hangs on a file of the code, such as a FIFO. */
const idleMilliseconds = 20_000;
/** The most bytes that may follow the files. tar pads to its record size; an image whose tar sends more is hostile. */
const largestRest = 1024 * 1024;

/**
 * Time for the rest of both streams, in addition to the files. Assumes at least 4 MiB a second; a slower connection
 * could not follow the output either.
 */
const streamsMilliseconds = 30_000;

interface Head {
  readonly marker: ExitMarker | undefined;
  readonly counters: readonly (number | null)[];
  /** Bytes of each stream that follow. */
  readonly stdout: number;
  readonly stderr: number;
}

/** @param most how many bytes of each stream were requested; a larger announced length is cut to this */
async function readHead(
  output: ControlReader,
  most: { readonly stdout: number; readonly stderr: number },
): Promise<Head | undefined> {
  const lines: string[] = [];
  for (let line = 0; line < 4; line += 1) {
    const text = await output.until(newline);
    if (text === undefined) return undefined;
    lines.push(text);
  }
  const [marker = "", counters = "", stdout, stderr] = lines;
  return {
    marker: parseExitMarker(marker),
    counters: counters.split(",").map(countOf),
    stdout: Math.min(countOf(stdout) ?? 0, most.stdout),
    stderr: Math.min(countOf(stderr) ?? 0, most.stderr),
  };
}

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

/**
 * Collects the results of the code: its exit status, the kernel's counters, the rest of both streams, and the output
 * files.
 *
 * Can be repeated: the cell keeps everything until it is released. Files that were stored before are not stored again.
 *
 * @param directory that of the program: see `programDirectory`
 * @param disk the disk limit of the cell, in bytes
 * @param signal ends it, also while it waits for the cell or the store
 */
export async function collectOnce(
  client: ClusterClient,
  pod: string,
  program: Program,
  directory: string,
  disk: number,
  context: ProgramContext,
  progress: Progress,
  saved: Set<string>,
  signal: AbortSignal,
): Promise<CollectEnd> {
  const { received } = progress;
  const before = { ...received };
  const patterns = program.outputs.map(findPattern);
  const most = { stdout: wanted(received.stdout), stderr: wanted(received.stderr) };
  const session = await openSession(
    client,
    { pod, container: cellContainer },
    cellScripts.collect(directory, received, most, patterns),
    { idleMilliseconds, signal },
  );
  // Limits the whole collection, however slowly the cell sends: the image's programs may be hostile.
  const clock = setTimeout(session.close, collectionMilliseconds(disk) + streamsMilliseconds);
  try {
    const count = (stream: "stdout" | "stderr") => (bytes: number) => {
      received[stream] += bytes;
    };
    const errors = pour(session.stderr, context.stderr, count("stderr"), signal);
    errors.catch(session.close);
    const output = controlReader(session.stdout);
    const head = await readHead(output, most);
    // Do not read on after a malformed head.
    if (head === undefined && !output.isOver()) session.close();
    if (head !== undefined) {
      await pour(take(output, head.stdout), context.stdout, count("stdout"), signal);
    }
    let gaveUp = false;
    const giveUp = (): void => {
      // Only give up for good if the script's stderr was received in full, since it comes before the files. Otherwise
      // collect again.
      gaveUp = received.stderr >= before.stderr + (head?.stderr ?? 0);
      session.close();
    };
    const filesOmitted =
      head && patterns.length > 0
        ? await collectOutputs(output, {
            globs: program.outputs,
            except: new Set(program.code === undefined ? [] : [program.codeFile]),
            largestTotal: disk,
            save: (name, content, bytes) => saveOnce(saved, context, name, content, bytes),
            giveUp,
            signal,
          }).catch((error: Error) => [{ name: "...", reason: `output files could not be stored: ${error.message}` }])
        : [];
    let rest = 0;
    for await (const chunk of output.rest()) {
      rest += chunk.length;
      if (rest > largestRest && !gaveUp) giveUp();
    }
    const [end] = await Promise.all([session.ended, errors]);
    const isShort = (stream: "stdout" | "stderr"): boolean =>
      head !== undefined && received[stream] < before[stream] + head[stream];
    if (isShort("stdout") || isShort("stderr")) {
      if (signal.aborted) return { failed: "what it left was not collected and stored in time" };
      // Under load, an exec was observed to report success before its last bytes arrived.
      return { failed: "the connection ended before all of the output came" };
    }
    return conclude(head, filesOmitted, gaveUp ? { exitCode: 0 } : end);
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

function conclude(head: Head | undefined, omitted: readonly OmittedFile[], end: SessionEnd): CollectEnd {
  if ("broken" in end) return { failed: end.broken };
  if (end.exitCode === scriptExit.discarded) return { discarded: true };
  if (end.exitCode === scriptExit.notEnded) return { failed: "the code has not ended" };
  if (head === undefined) return { failed: `the cell says nothing (exit code ${end.exitCode})` };
  const remark = (reason: string): OmittedFile => ({ name: "...", reason });
  const filesOmitted =
    end.exitCode === 0
      ? omitted
      : end.exitCode === scriptExit.programMissing
        ? [remark("the image lacks find or tar, so no file could be brought back")]
        : [...omitted, remark(`the collection of files ended with exit code ${end.exitCode}`)];
  return { collected: { marker: head.marker, ...usageFrom(head.counters), filesOmitted } };
}

/**
 * The use of resources by one program. In a cell of many programs, the counters at its start follow those at its end.
 * The kernel does not reset the highest memory use, so that of a later program is known only if it is a new maximum.
 */
function usageFrom(counters: Head["counters"]): Omit<Collected, "marker" | "filesOmitted"> {
  const [kills, peak = null, cpu = null, elapsedMilliseconds = null, killsBefore, peakBefore, cpuBefore] = counters;
  return {
    memoryKills: Math.max(0, (kills ?? 0) - (killsBefore ?? 0)),
    peakMemoryBytes: peak !== null && peak > (peakBefore ?? 0) ? peak : null,
    cpuSeconds: cpu === null ? null : Math.max(0, cpu - (cpuBefore ?? 0)) / 1e6,
    elapsedMilliseconds,
  };
}
