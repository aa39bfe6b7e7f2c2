/**
 * Runs a small program in a cell of this machine and returns its output. A program that a request or a configuration
 * names is never run outside of a cell, not even to ask where its files are.
 *
 * @module
 */

import { Readable, Writable } from "node:stream";
import { programOf, shapeOf } from "#core/contract/cell-shape";
import { requestSchema } from "#core/contract/request";
import type { ProgramContext } from "../../provider.ts";
import type { Launcher } from "../launcher/launcher.ts";
import { composeRun } from "../sandbox/compose-run.ts";
import { runSandbox } from "../sandbox/run-sandbox.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Bind } from "./interpreter-command.ts";

/** A question to a program, and what it can see. */
export interface Question {
  readonly command: readonly string[];
  /** The program that the command runs. */
  readonly code: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly binds: readonly Bind[];
}

/** Runs the question and resolves with its output. */
export type Ask = (question: Question) => Promise<string>;

/** The time limit of an answer, in milliseconds. A shim starts several programs. */
const patience = 20_000;
/** The most bytes of an answer that are read. */
const maximumBytes = 64 * 1024;

const cellId = "question";

/** Keeps the beginning of a stream, and calls `stop` if more is written. */
function keep(stop: () => void): { sink: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      if (bytes <= maximumBytes) chunks.push(chunk);
      else stop();
      done();
    },
  });
  return { sink, text: () => Buffer.concat(chunks).toString() };
}

/** @throws Error with the last line of the program's stderr if it fails */
export const askInside = async ({ machine, pool }: Sandbox, question: Question): Promise<string> => {
  const { command, code, environment, binds } = question;
  const tooMuch = new AbortController();
  const [stdout, stderr] = [keep(() => tooMuch.abort()), keep(() => tooMuch.abort())];
  const context: ProgramContext = {
    stop: AbortSignal.any([AbortSignal.timeout(patience), tooMuch.signal]),
    abandoned: AbortSignal.timeout(2 * patience),
    started: () => {},
    ended: () => {},
    stored: { stdout: 0, stderr: 0 },
    stdout: stdout.sink,
    stderr: stderr.sink,
    open: () => Promise.resolve(Readable.from([Buffer.from(code)])),
    saveFile: () => Promise.resolve(false),
  };
  const spec = requestSchema.parse({ code, cpu: 1, memory: "256Mi", disk: "1Mi", env: environment });
  const fileName = "question";
  const language = { name: fileName, aliases: [], fileName, extensions: [], image: "", command };
  const interpreter = { command, binds, directory: "/usr/bin", hostCommand: command };
  const owner = { workflowId: cellId, runId: cellId };
  const cell = { cellId, shape: shapeOf(spec, language), owner };
  const run = await composeRun(cell, programOf(spec, language), context, { machine, interpreter });
  let launcher: Launcher | undefined;
  try {
    launcher = await pool.take();
    pool.warm();
    const { exit, lost } = await runSandbox(launcher, run, context);
    if (exit?.code === 0) return stdout.text();
    const said = stderr.text().trim().split("\n").at(-1);
    const how = exit ? `it ended with ${exit.signal ?? `exit code ${exit.code}`}` : (lost ?? "it did not answer");
    throw new Error(said || how);
  } finally {
    await launcher?.remove();
  }
};
