import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { endedOf } from "../../core/batch.ts";
import { KgentsError } from "../../core/error.ts";
import { interruptedExitCode } from "../../core/exit-code.ts";
import type { ExecutionRequest } from "../../core/request.ts";
import type { BatchHandle, BatchItem } from "../batch/batch-handle.ts";
import { faultOf } from "../input-files/fault.ts";
import { Quartermaster } from "../quartermaster.ts";
import type { BatchFlags } from "./batch-command.ts";
import { write } from "./follow-run.ts";
import { watchForInterruption } from "./interruption.ts";
import { requesterOfCommandLine } from "./requester.ts";
import { createVoice, reportError, type Voice } from "./voice.ts";

const refuse = (field: string, message: string, cause?: unknown): KgentsError =>
  new KgentsError("invalid-request", `${field}: ${message}`, { field, cause, remedy: "See `kgents batch --help`." });

function parseLine(line: string, number: number): ExecutionRequest {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw refuse("file", `line ${number}: got no JSON; allowed is a request as one line of JSON`, error);
  }
}

/** The requests of a file; blank lines are none. */
async function* requestsOf(file: string): AsyncGenerator<ExecutionRequest> {
  const input = file === "-" ? process.stdin : createReadStream(file);
  if (input !== process.stdin) {
    await once(input, "open").catch((error: Error) => {
      throw faultOf(error, file, "file");
    });
  }
  let number = 0;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    if (line.trim() === "") continue;
    const request = parseLine(line, number);
    // What is no object is refused as it is.
    yield typeof request === "object" ? { requester: requesterOfCommandLine(), ...request } : request;
  }
}

/** Opens the file of the results before anything is started for it. */
async function openResults(file: string | undefined): Promise<Writable> {
  if (file === undefined) return process.stdout;
  const stream = createWriteStream(file);
  await once(stream, "open").catch((error: Error) => {
    throw faultOf(error, file, "--results");
  });
  return stream;
}

const lineOf = ({ id, result, failure }: BatchItem): string => `${JSON.stringify(result ?? { id, error: failure })}\n`;

const countsOf = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", ");

/** How often a person sees how far it is. */
const tellMilliseconds = 500;

/** Says how far the batch is, on a terminal. */
function tellProgress(batch: BatchHandle, voice: Voice): () => void {
  if (!process.stderr.isTTY) return () => {};
  const width = 30;
  const timer = setInterval(async () => {
    const progress = await batch.progress().catch(() => undefined);
    if (!progress) return;
    const ended = endedOf(progress);
    const filled = Math.floor((ended / batch.total) * width);
    const bar = `${"█".repeat(filled)}${"░".repeat(width - filled)}`;
    const counts = countsOf(new Map(Object.entries(progress.outcomes)));
    voice.progress(`${bar} ${ended} of ${batch.total}, ${progress.started - ended} running${counts && `: ${counts}`}`);
  }, tellMilliseconds);
  return () => clearInterval(timer);
}

/** Carries out `kgents batch`. */
export async function batch(file: string, flags: BatchFlags): Promise<number> {
  const voice = await createVoice(flags.quiet === true);
  const quartermaster = new Quartermaster({
    ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
    onProgress: voice.progress,
  });
  const interruption = watchForInterruption(voice, "batch");
  try {
    const results = await openResults(flags.results);
    interruption.starting();
    const handle = await quartermaster.startBatch(requestsOf(file), {
      id: flags.id,
      priority: flags.priority,
      concurrency: flags.concurrency === undefined ? undefined : Number(flags.concurrency),
    });
    voice.settled();
    interruption.started(handle);
    if (flags.detach) {
      process.stdout.write(`${handle.id}\n`);
      return 0;
    }
    voice.say(`${handle.attached ? "attached to the" : "started the"} batch ${handle.id}: ${handle.total} runs`);
    const counts = new Map<string, number>();
    const stopTelling = tellProgress(handle, voice);
    try {
      for await (const item of handle.items()) {
        const outcome = item.result?.status ?? "error";
        counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
        await write(results, lineOf(item));
      }
    } finally {
      stopTelling();
    }
    if (results !== process.stdout) {
      results.end();
      await finished(results);
    }
    const { cancelled } = await handle.summary();
    voice.settled();
    voice.say(`${cancelled ? "cancelled" : "done"}: ${countsOf(counts)}`);
    if (cancelled) return interruptedExitCode;
    return counts.get("succeeded") === handle.total ? 0 : 1;
  } catch (error) {
    voice.settled();
    return reportError(error, { json: false });
  } finally {
    interruption.over();
    await quartermaster.close();
  }
}
