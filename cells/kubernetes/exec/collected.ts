/**
 * What a cell answers when its output is collected: the head before the streams, and what is concluded at the end.
 *
 * @module
 */
import { type ExitMarker, parseExitMarker } from "#core/manifest/exit-marker";
import { countOf } from "../../files/cell-values.ts";
import type { ControlReader } from "../../files/control-reader.ts";
import type { OmittedFile } from "../../files/omissions.ts";
import type { KernelResult } from "../../provider.ts";
import { scriptExit } from "./cell-scripts.ts";
import type { SessionEnd } from "./exec-session.ts";

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
  /** Set if the program is a call of the kernel. */
  readonly kernelResult: KernelResult | undefined;
}

/**
 * Either the results; or that the output is not in the cell any more; or why they could not be read, where another
 * connection may succeed.
 */
export type CollectEnd = { readonly collected: Collected } | { readonly discarded: true } | { readonly failed: string };

const newline = 10;

/** A number of bytes of each stream. */
export interface StreamBytes {
  readonly stdout: number;
  readonly stderr: number;
}

/** The first lines of an answer. `stdout` and `stderr` are the bytes of each stream that follow. */
export interface Head extends StreamBytes {
  readonly marker: ExitMarker | undefined;
  readonly counters: readonly (number | null)[];
}

/**
 * Reads the first lines of an answer; undefined if they break off or are too long.
 *
 * @param most how many bytes of each stream were requested; a larger announced length is cut to this
 */
export async function readHead(output: ControlReader, most: StreamBytes): Promise<Head | undefined> {
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

/** A remark about the collection as a whole. */
export const remark = (reason: string): OmittedFile => ({ name: "...", reason });

/** The result of a connection on which all announced bytes came. */
export function conclude(
  head: Head | undefined,
  came: Pick<Collected, "filesOmitted" | "kernelResult">,
  end: SessionEnd,
): CollectEnd {
  if ("broken" in end) return { failed: end.broken };
  if (end.exitCode === scriptExit.discarded) return { discarded: true };
  if (end.exitCode === scriptExit.notEnded) return { failed: "the code has not ended" };
  if (head === undefined) return { failed: `the cell sent no answer (exit code ${end.exitCode})` };
  const filesOmitted = allOmitted(came.filesOmitted, end.exitCode);
  return { collected: { ...came, marker: head.marker, ...usageFrom(head.counters), filesOmitted } };
}

/** The omitted files, and what the exit code of the script says about the others. */
function allOmitted(omitted: readonly OmittedFile[], exitCode: number): readonly OmittedFile[] {
  if (exitCode === 0) return omitted;
  if (exitCode === scriptExit.programMissing) {
    return [remark("the image lacks find or tar, so no file could be brought back")];
  }
  return [...omitted, remark(`the collection of files ended with exit code ${exitCode}`)];
}

/**
 * The use of resources by one program. In a cell of many programs, the counters at its start follow those at its end.
 * The kernel does not reset the highest memory use, so that of a later program is known only if it is a new maximum.
 */
function usageFrom(counters: Head["counters"]): Omit<Collected, "marker" | "filesOmitted" | "kernelResult"> {
  const [kills, peak = null, cpu = null, elapsedMilliseconds = null, killsBefore, peakBefore, cpuBefore] = counters;
  return {
    memoryKills: Math.max(0, (kills ?? 0) - (killsBefore ?? 0)),
    peakMemoryBytes: peak !== null && peak > (peakBefore ?? 0) ? peak : null,
    cpuSeconds: cpu === null ? null : Math.max(0, cpu - (cpuBefore ?? 0)) / 1e6,
    elapsedMilliseconds,
  };
}
