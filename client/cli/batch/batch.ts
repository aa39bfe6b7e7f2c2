import { once } from "node:events";
import { createReadStream, fstatSync, type ReadStream, type Stats } from "node:fs";
import { endedOf } from "#core/contract/batch";
import { interruptedExitCode } from "#core/contract/command-exit-code";
import { KgentsError } from "#core/contract/error";
import type { ExecutionRequest } from "#core/contract/request";
import type { BatchHandle } from "../../sdk/batch/batch-handle.ts";
import type { BatchItem } from "../../sdk/batch/batch-items.ts";
import { faultOf } from "../../sdk/input-files/fault.ts";
import { Quartermaster } from "../../sdk/quartermaster.ts";
import { watchForInterruption } from "../terminal/interruption.ts";
import { beforeLosingOutput } from "../terminal/lost-output.ts";
import { print, printBytes } from "../terminal/print.ts";
import { createReporter, type Reporter, reportError } from "../terminal/reporter.ts";
import { requesterOfCommandLine } from "../terminal/requester.ts";
import { jsonText } from "../terminal/terminal-text.ts";
import type { BatchFlags } from "./batch-command.ts";
import { linesOf, maximumLineBytes } from "./lines.ts";
import { openResultsFile, type ResultsFile, refuseSameFile } from "./results-file.ts";

const refuse = (field: string, message: string, cause?: unknown): KgentsError =>
  new KgentsError("invalid-request", `${field}: ${message}`, { field, cause, remedy: "See `kgents batch --help`." });

const faults = {
  encoding: "got bytes that are not UTF-8; allowed is JSON in UTF-8",
  length: `got more than ${maximumLineBytes} bytes; that is the maximum`,
} as const;

function parseLine(line: string, number: number): ExecutionRequest {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw refuse("file", `line ${number}: got no JSON; allowed is a request as one line of JSON`, error);
  }
}

/** Opens the file of the requests; `-` is standard input. */
async function openRequests(file: string): Promise<{ stream: AsyncIterable<Buffer>; descriptor: number }> {
  if (file === "-") return { stream: process.stdin, descriptor: 0 };
  const stream: ReadStream & { fd?: number } = createReadStream(file);
  const [descriptor] = await once(stream, "open").catch((error: Error) => {
    throw faultOf(error, file, "file");
  });
  return { stream, descriptor };
}

/** Reads the requests of a file. Blank lines are skipped. */
async function* requestsOf(stream: AsyncIterable<Buffer>, file: string): AsyncGenerator<ExecutionRequest> {
  try {
    for await (const { number, text, fault } of linesOf(stream)) {
      if (text === null) throw refuse("file", `line ${number}: ${faults[fault ?? "encoding"]}`);
      if (text.trim() === "") continue;
      const request = parseLine(text, number);
      // Non-objects are rejected with the schema's error.
      yield typeof request === "object" ? { requester: requesterOfCommandLine(), ...request } : request;
    }
  } catch (error) {
    throw faultOf(error, file, "file");
  }
}

/** Standard output as the destination for results. `lost-output.ts` handles failed writes. */
const standardOutput = (): ResultsFile & { readonly stats: Stats } => ({
  stats: fstatSync(1),
  begin: async () => {},
  write: (text) => printBytes("stdout", text),
  close: async () => {},
});

const lineOf = ({ id, result, failure }: BatchItem): string => `${jsonText(result ?? { id, error: failure })}\n`;

const countsOf = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", ");

/** Interval of the progress line on a terminal. */
const tellMilliseconds = 500;

/** Shows the progress on a terminal until the returned function is called. At most one query is in flight. */
function tellProgress(batch: BatchHandle, reporter: Reporter): () => void {
  if (!process.stderr.isTTY) return () => {};
  const width = 30;
  let isOver = false;
  let isAsking = false;
  const tell = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    const progress = await batch.progress().catch(() => undefined);
    isAsking = false;
    // The query may return after the batch has ended; its line would then stay on the terminal.
    if (!progress || isOver) return;
    const ended = endedOf(progress);
    const filled = Math.floor((ended / batch.total) * width);
    const bar = `${"█".repeat(filled)}${"░".repeat(width - filled)}`;
    const counts = countsOf(new Map(Object.entries(progress.outcomes)));
    reporter.progress(
      `${bar} ${ended} of ${batch.total}, ${progress.started - ended} running${counts && `: ${counts}`}`,
    );
  };
  const timer = setInterval(() => void tell(), tellMilliseconds);
  return () => {
    isOver = true;
    clearInterval(timer);
  };
}

/** Writes each result as it arrives. Returns the number of runs per outcome. */
async function writeResults(
  handle: BatchHandle,
  results: ResultsFile,
  reporter: Reporter,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const stopTelling = tellProgress(handle, reporter);
  try {
    await results.begin();
    for await (const item of handle.items()) {
      const outcome = item.result?.status ?? "error";
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      await results.write(lineOf(item));
    }
    return counts;
  } catch (error) {
    // Stop running code once its results cannot be written.
    if (!(error instanceof KgentsError && error.field === "--results")) throw error;
    await handle.cancel();
    const { code, message, field, remedy } = error;
    throw new KgentsError(code, `${message}; the batch ${handle.id} is cancelled`, { cause: error, field, remedy });
  } finally {
    stopTelling();
  }
}

/** Carries out `kgents batch`. */
export async function batch(file: string, flags: BatchFlags): Promise<number> {
  const reporter = await createReporter(flags.quiet === true);
  const quartermaster = new Quartermaster({
    ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
    onProgress: reporter.progress,
  });
  const interruption = watchForInterruption(reporter, "batch");
  let results: ResultsFile | undefined;
  try {
    const requests = await openRequests(file);
    const place = flags.results === undefined ? standardOutput() : await openResultsFile(flags.results);
    results = place;
    refuseSameFile(requests.descriptor, place.stats, flags.results === undefined ? "standard output" : "--results");
    interruption.starting();
    const starting = quartermaster.startBatch(requestsOf(requests.stream, file), {
      id: flags.id,
      priority: flags.priority,
      concurrency: flags.concurrency === undefined ? undefined : Number(flags.concurrency),
    });
    beforeLosingOutput(async () => {
      const { id, cancel } = await starting;
      await cancel();
      return `the batch ${id} is cancelled`;
    });
    const handle = await starting;
    reporter.settled();
    interruption.started(handle);
    if (flags.detach) {
      await print(`${handle.id}\n`);
      return 0;
    }
    reporter.say(`${handle.attached ? "attached to the" : "started the"} batch ${handle.id}: ${handle.total} runs`);
    const counts = await writeResults(handle, results, reporter);
    const { cancelled } = await handle.summary();
    reporter.settled();
    reporter.say(`${cancelled ? "cancelled" : "done"}: ${countsOf(counts)}`);
    if (cancelled) return interruptedExitCode;
    return counts.get("succeeded") === handle.total ? 0 : 1;
  } catch (error) {
    reporter.settled();
    return reportError(error, { json: false });
  } finally {
    interruption.over();
    await results?.close();
    await quartermaster.close();
  }
}
