/**
 * Runs one request in a cell of its own as the worker's activities do, but without Temporal, and keeps everything it returned.
 */
import { Readable, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { CellPlan } from "#cells/cell-plan";
import type { CellProvider, ProgramOutcome, StopReason } from "#cells/provider";
import { type CellShape, type Program, programOf, shapeOf } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { parseRequest } from "#core/contract/parse-request";
import type { Content, ExecutionRequest, ExecutionSpec } from "#core/contract/request";
import { openContent } from "#platform/store/open-content";

/** The results of a run. */
export interface RunAnswer {
  readonly outcome: ProgramOutcome | null;
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string } | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly files: Record<string, Buffer>;
  readonly milliseconds: number;
  /** Whether it was interrupted while it ran. */
  readonly interrupted: boolean;
}

export interface RunSettings {
  readonly cellId: string;
  /** Whether the cell already exists, and is kept afterwards. */
  readonly again?: boolean;
  /** The program's number. @default 1 */
  readonly n?: number;
  /** @default one */
  readonly programs?: CellShape["programs"];
  /** How long a cell with many programs lives, in milliseconds. @default 600,000 */
  readonly lifetime?: number;
  /** Changes the program of the request. */
  readonly change?: Partial<Pick<Program, "kernel" | "script">>;
  /** Interrupts when this text has appeared on stdout. */
  readonly interruptAt?: string;
  /** Cancels this many milliseconds after the cell was created. */
  readonly stopAfter?: number;
  /** Cancels when this text has appeared on stdout. */
  readonly stopAt?: string;
}

/** Bytes without nearby repetition, so that omitted, duplicated or moved parts are detected. */
export function* patternOf(bytes: number): Generator<Buffer> {
  let state = 1;
  for (let left = bytes; left > 0; ) {
    const words = new Uint32Array(16_384);
    for (let index = 0; index < words.length; index += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      words[index] = state;
    }
    const chunk = Buffer.from(words.buffer).subarray(0, left);
    left -= chunk.length;
    yield chunk;
  }
}

/** An artifact that breaks off in its middle. */
export const brokenArtifact = "bad0".repeat(16);

function* brokenOff(bytes: number): Generator<Buffer> {
  yield* patternOf(Math.floor(bytes / 2));
  throw new Error("the store broke off");
}

/** There is no store here. Every artifact contains {@link patternOf} its length, except for one. */
async function open(content: Content): Promise<Readable> {
  return openContent(
    async (sha256, bytes) => Readable.from(sha256 === brokenArtifact ? brokenOff(bytes) : patternOf(bytes)),
    content,
  );
}

function keep(chunks: Buffer[], onChunk: () => void = () => {}): Writable {
  return new Writable({
    write: (chunk, _encoding, done) => {
      chunks.push(chunk);
      onChunk();
      done();
    },
  });
}

/** The cell of a request, and its program. */
function planOf(
  request: ExecutionRequest,
  { cellId, programs = "one", lifetime = 600_000, change }: RunSettings,
): { spec: ExecutionSpec; cell: CellPlan; program: Program } {
  const spec = parseRequest(request);
  const owner = { workflowId: cellId, runId: cellId };
  const language = findLanguage(builtInLanguages, spec.language);
  const shape = shapeOf(spec, language);
  const wanted: CellShape = programs === "one" ? shape : { ...shape, programs, lifetime };
  const own = programOf(spec, language);
  const program = change?.script === undefined ? { ...own, ...change } : { ...own, ...change, code: undefined };
  return { spec, cell: { cellId, shape: wanted, owner }, program };
}

/** Acquires a cell that runs many programs. The request only says its shape. */
export async function acquireForMany(
  provider: CellProvider,
  request: ExecutionRequest,
  settings: RunSettings,
): Promise<void> {
  const { cell } = planOf(request, { programs: "many", ...settings });
  provider.check(cell.shape);
  await provider.acquire(cell);
}

export async function runOnProvider(
  provider: CellProvider,
  request: ExecutionRequest,
  settings: RunSettings,
): Promise<RunAnswer> {
  const { cellId, again = false, n = 1, stopAfter, stopAt, interruptAt } = settings;
  const { spec, cell, program } = planOf(request, settings);
  const streams: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  const files: Record<string, Buffer> = {};
  let outcome: ProgramOutcome | null = null;
  let error: RunAnswer["error"] = null;
  const hasSaid = (text: string): boolean => Buffer.concat(streams.stdout).includes(text);
  const stop = new AbortController();
  const stopFor = (reason: StopReason) => stop.abort(reason);
  let clock: NodeJS.Timeout | undefined;
  let interrupted: Promise<boolean> | undefined;
  const began = performance.now();
  try {
    if (!again) await provider.acquire(cell);
    if (stopAfter !== undefined) setTimeout(stopFor, stopAfter, "cancelled");
    outcome = await provider.run(cell, n, program, {
      stop: stop.signal,
      started: () => {
        clock = setTimeout(stopFor, spec.timeout, "timed-out");
      },
      ended: () => clearTimeout(clock),
      abandoned: new AbortController().signal,
      stored: { stdout: 0, stderr: 0 },
      stdout: keep(streams.stdout, () => {
        if (stopAt !== undefined && hasSaid(stopAt)) stopFor("cancelled");
        if (interruptAt === undefined || interrupted !== undefined || !hasSaid(interruptAt)) return;
        interrupted = provider.interrupt(cell, n);
      }),
      stderr: keep(streams.stderr),
      open,
      saveFile: async (name, content) => {
        files[name] = await buffer(content);
        return true;
      },
    });
  } catch (thrown) {
    if (!(thrown instanceof KgentsError)) throw thrown;
    error = { code: thrown.code, message: thrown.message, remedy: thrown.remedy };
  } finally {
    clearTimeout(clock);
  }
  const milliseconds = performance.now() - began;
  if (!again) await provider.remove(cellId);
  const [stdout, stderr] = [Buffer.concat(streams.stdout), Buffer.concat(streams.stderr)];
  return { outcome, error, stdout, stderr, files, milliseconds, interrupted: (await interrupted) ?? false };
}
