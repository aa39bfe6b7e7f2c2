/** Programs of a cell, run by a provider without Temporal. */
import { randomUUID } from "node:crypto";
import { Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { CellPlan } from "#cells/cell-plan";
import type { CellProvider, ProgramContext, ProgramOutcome, StopReason } from "#cells/provider";
import { type CellShape, type Program, programOf, shapeOf } from "#core/contract/cell-shape";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { parseRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import { openContent } from "#platform/store/open-content";

/** The program of a request, in the shell unless it says otherwise. */
export const programFrom = (request: ExecutionRequest): Program => {
  const spec = parseRequest({ language: "sh", ...request });
  return programOf(spec, findLanguage(builtInLanguages, spec.language));
};

/** Acquires a cell, and removes it at the end. */
export async function acquireCell(provider: CellProvider, request: ExecutionRequest, change: Partial<CellShape>) {
  const spec = parseRequest({ code: "true", startupTimeout: 150, ...request });
  const shape = shapeOf(spec, findLanguage(builtInLanguages, spec.language));
  const cellId = `kgents-${randomUUID().slice(0, 20)}`;
  const cell: CellPlan = {
    cellId,
    shape: { ...shape, lifetime: 600_000, ...change },
    owner: { workflowId: cellId, runId: cellId },
  };
  await provider.acquire(cell);
  return { cell, [Symbol.asyncDispose]: () => provider.remove(cellId) };
}

/** Follows a program, and keeps what came of it. */
export function follow(
  provider: CellProvider,
  cell: CellPlan,
  n: number,
  program: Program,
  stored: ProgramContext["stored"] = { stdout: 0, stderr: 0 },
) {
  const stop = new AbortController();
  const streams: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  const files: Record<string, string> = {};
  const text = (name: "stdout" | "stderr"): string => Buffer.concat(streams[name]).toString();
  const sink = (name: "stdout" | "stderr"): Writable =>
    new Writable({
      write: (chunk, _encoding, done) => {
        streams[name].push(chunk);
        done();
      },
    });
  let clock: NodeJS.Timeout | undefined;
  let startedAt: Date | undefined;
  const outcome: Promise<ProgramOutcome> = provider
    .run(cell, n, program, {
      stop: stop.signal,
      started: (at = new Date()) => {
        startedAt = at;
        clock = setTimeout(() => stop.abort("timed-out"), at.getTime() + program.timeout - Date.now());
      },
      ended: () => clearTimeout(clock),
      abandoned: new AbortController().signal,
      stored,
      stdout: sink("stdout"),
      stderr: sink("stderr"),
      open: (content) => openContent(async () => Promise.reject(new Error("there is no store")), content),
      saveFile: async (name, content) => {
        files[name] = (await buffer(content)).toString();
        return true;
      },
    })
    .finally(() => clearTimeout(clock));
  outcome.catch(() => {});
  return {
    outcome,
    stop: (reason: StopReason) => stop.abort(reason),
    startedAt: () => startedAt,
    output: () => ({ stdout: text("stdout"), stderr: text("stderr") }),
    files,
  };
}

/** Runs a program to its end. */
export async function runProgram(provider: CellProvider, cell: CellPlan, n: number, program: Program) {
  const following = follow(provider, cell, n, program);
  const outcome = await following.outcome;
  return { outcome, ...following.output(), files: following.files };
}
