/**
 * A process that stands for a worker: it has the backend, and does what the test says. A process of its own, so that it can
 * have another user, another environment, another network, and be killed.
 *
 * @module
 */
import { Readable, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createSubprocessBackend } from "../../../activities/backends/subprocess/backend.ts";
import { findBubblewrap } from "../../../activities/backends/subprocess/find-bubblewrap.ts";
import { KgentsError } from "../../../core/error.ts";
import { builtInLanguages, findLanguage } from "../../../core/language.ts";
import { parseRequest } from "../../../core/parse-request.ts";
import type { Content, ExecutionRequest } from "../../../core/request.ts";
import type { Answer, ChildOptions, Order, RunAnswer } from "./protocol.ts";

const options: ChildOptions = JSON.parse(process.argv[2] ?? "{}");
const { bubblewrap } = options;
const backend = createSubprocessBackend({
  stateDirectory: options.stateDirectory,
  cacheDirectory: options.stateDirectory,
  findBubblewrap: bubblewrap === undefined ? findBubblewrap : () => Promise.resolve(bubblewrap),
  installTools: false,
  ...(options.unsandboxed ? { unsandboxed: true } : {}),
  log: () => {},
});

const open = async (content: Content): Promise<Readable> => {
  if (typeof content !== "string" && "artifact" in content)
    throw new KgentsError("artifact-unavailable", "no store here");
  return Readable.from([
    Buffer.from(
      typeof content === "string" ? content : content.base64,
      typeof content === "string" ? "utf8" : "base64",
    ),
  ]);
};

async function run(request: ExecutionRequest, cellId: string, again: boolean, stopAfter?: number): Promise<RunAnswer> {
  const spec = parseRequest(request);
  const owner = { workflowId: cellId, runId: cellId };
  const plan = { cellId, spec, language: findLanguage(builtInLanguages, spec.language), owner };
  const streams: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  const files: Record<string, Buffer> = {};
  const sink = (chunks: Buffer[]): Writable =>
    new Writable({
      write: (chunk, _encoding, done) => {
        chunks.push(chunk);
        done();
      },
    });
  let outcome: RunAnswer["outcome"] = null;
  let error: RunAnswer["error"] = null;
  const stop = new AbortController();
  const began = performance.now();
  try {
    if (!again) await backend.provision(plan);
    if (stopAfter !== undefined) setTimeout(() => stop.abort("cancelled"), stopAfter);
    outcome = await backend.execute(plan, {
      stop: AbortSignal.any([stop.signal, AbortSignal.timeout(spec.timeout)]),
      started: () => {},
      stored: { stdout: 0, stderr: 0 },
      stdout: sink(streams.stdout),
      stderr: sink(streams.stderr),
      open,
      saveFile: async (name, content) => {
        files[name] = await buffer(content);
        return true;
      },
    });
  } catch (thrown) {
    if (!(thrown instanceof KgentsError)) throw thrown;
    error = { code: thrown.code, message: thrown.message, remedy: thrown.remedy };
  }
  const milliseconds = performance.now() - began;
  if (!again) await backend.cleanUp(cellId);
  const stdout = Buffer.concat(streams.stdout);
  const stderr = Buffer.concat(streams.stderr);
  return { outcome, error, stdout, stderr, files, milliseconds };
}

async function carryOut(order: Order): Promise<Omit<Answer, "order">> {
  switch (order.kind) {
    case "run":
      return { run: await run(order.request, order.cellId, false, order.stopAfter) };
    case "execute-again":
      return { run: await run(order.request, order.cellId, true) };
    case "status":
      return { status: await backend.status() };
    case "sweep":
      return { swept: await backend.sweep() };
    case "close":
      await backend.close();
      return {};
  }
}

process.on("message", (message: { order: number; what: Order }) => {
  carryOut(message.what).then(
    (answer) => process.send?.({ ...answer, order: message.order }),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
});
