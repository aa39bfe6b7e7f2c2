import { EventEmitter } from "node:events";
import type { CellPlan } from "#cells/cell-plan";
import { type CellProvider, lostOutcome, type ProgramContext, type ProgramOutcome } from "#cells/provider";
import type { ResultLimits } from "#core/contract/batch";
import type { Program } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { maximumStreamBytes } from "#core/contract/result";
import { utf8Length } from "#core/text/bytes";
import { messageOf } from "#core/text/message-of";
import { within } from "#platform/host/time-limit";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { openContent } from "#platform/store/open-content";
import { type StreamName, streamReference } from "#platform/store/references";
import { summariseStreams, unreadableStreams } from "#platform/store/summarise";
import { classify } from "./classify-outcome.ts";
import type { ExecuteHeartbeat, ExecuteOutput } from "./contract.ts";
import { displayKeeper, kernelOutput, withoutStatement } from "./kernel-output.ts";
import { createFileCollector, type FileCollector } from "./output-files.ts";
import { type ProgramLimits, watchProgram } from "./program-limits.ts";
import { liveWindowBytes, type RecordedStream, recordStream } from "./recorded-stream.ts";
import type { RunningCell } from "./running-cells.ts";

/** The destination and limits of the output of one start attempt. */
interface ProgramOutput {
  readonly key: string;
  readonly attempt: number;
  /** The bytes of each stream that an earlier worker has stored. */
  readonly stored: ProgramContext["stored"];
  /** Whether heartbeats carry the newest output. */
  readonly live: boolean;
  readonly limits?: ResultLimits | undefined;
  /** @default that of the provider */
  readonly collectionMilliseconds?: number;
  /** The number of the program within its cell. @default that of the only program of a one-shot run */
  readonly n?: number;
  /** Opens content that is not content of a request. @default content of the artifact store, by its SHA-256 */
  readonly open?: ProgramContext["open"];
}

/** The time limit of reading the streams back, and that of settling the store, each in milliseconds. */
const summaryMilliseconds = 20_000;

/** The number of the program of a one-shot run. */
const onlyProgram = 1;

/** A program of this process: what runs it, what limits it, and where its output goes. */
interface StartedProgram {
  readonly store: ArtifactStore;
  readonly provider: CellProvider;
  readonly cell: CellPlan;
  readonly program: Program;
  readonly output: ProgramOutput;
  readonly limits: ProgramLimits;
  readonly streams: Readonly<Record<StreamName, RecordedStream>>;
  readonly collector: FileCollector;
}

/** Compares the stored output with what the cell produced. Returns why they differ; null if they do not. */
function lossOf(
  read: ProgramOutcome["read"],
  recorded: StartedProgram["streams"],
  stored: Readonly<Record<StreamName, { readonly bytes: number }>>,
): string | null {
  for (const name of ["stdout", "stderr"] as const) {
    const { bytes, received } = recorded[name];
    const came = read?.[name] ?? received();
    if (came !== received()) return `of ${came} bytes of ${name}, ${received()} were taken over`;
    if (stored[name].bytes < bytes()) return `of ${bytes()} bytes of ${name}, the store has ${stored[name].bytes}`;
  }
  return null;
}

/** Ends both streams. Resolves when their output is stored, and rejects if the time for that has passed. */
function endStreams({ limits, streams }: StartedProgram): Promise<unknown> {
  limits.deadline.begin();
  return limits.deadline.bound(Promise.all([streams.stdout.end(), streams.stderr.end()]));
}

/**
 * Runs the program in its cell.
 *
 * @returns its outcome, which is `lost` if the code may have been started and can no longer be followed
 */
async function runInCell(started: StartedProgram): Promise<ProgramOutcome> {
  const { store, provider, cell, program, output, limits, streams, collector } = started;
  try {
    const outcome = provider.run(cell, output.n ?? onlyProgram, program, {
      ...limits.context,
      stored: output.stored,
      stdout: streams.stdout.sink,
      stderr: streams.stderr.sink,
      open: output.open ?? ((content) => openContent(store.openBlob, content)),
      saveFile: collector.save,
    });
    return await limits.deadline.bound(outcome);
  } catch (error) {
    await endStreams(started).catch(() => {});
    const stopped = limits.stopped();
    if (stopped?.reason === "handed-over") throw error;
    if (limits.startedAt() !== null) return lostOutcome(`the code was started, and then: ${messageOf(error)}`);
    if (stopped?.reason === "startup-timeout" && !(error instanceof KgentsError)) {
      throw new KgentsError("cell-start", stopped.detail, { cause: error });
    }
    if (stopped?.reason === "cancelled") return lostOutcome(null);
    throw error;
  } finally {
    limits.context.ended();
  }
}

/** Lists the output files for the result. */
function filesOf({ program, collector }: StartedProgram, outcome: ProgramOutcome) {
  const { files, omitted } = collector.result(outcome.filesOmitted);
  // A completed collection reports a file or an omission for each glob, so there was none.
  if (program.outputs.length > 0 && files.length === 0 && omitted.length === 0) {
    omitted.push({ name: "...", reason: "the cell ended before its files could be collected" });
  }
  return { files, filesOmitted: omitted };
}

/** Reads both streams back for the result, and says which output is missing; null if none is. */
async function readBack({ store, output, streams }: StartedProgram, outcome: ProgramOutcome, otherBytes: number) {
  const summary = await within(summariseStreams(store, output.key, output, otherBytes), summaryMilliseconds).catch(
    messageOf,
  );
  if (typeof summary === "string") {
    return {
      summary: unreadableStreams(streams.stdout.bytes(), streams.stderr.bytes()),
      loss: `it could not be read back from the store: ${summary}`,
    };
  }
  return { summary, loss: lossOf(outcome.read, streams, summary) };
}

/** What the kernel says of a call, with its large displays in the store; undefined for other programs. */
async function kernelOf({ store, program, output }: StartedProgram, { kernelResult }: ProgramOutcome) {
  if (program.kernel !== true) return undefined;
  const keep = displayKeeper(store, output.key, output.attempt);
  return within(kernelOutput(kernelResult, keep), summaryMilliseconds).catch((error) =>
    withoutStatement(`what the kernel showed could not be stored: ${messageOf(error)}`),
  );
}

/** Runs the program to its end, and describes its outcome. */
async function runToEnd(started: StartedProgram): Promise<ExecuteOutput> {
  const { program, limits } = started;
  const outcome = await runInCell(started);
  const finishedAt = new Date().toISOString();
  // The code has run. Errors with its output are reported in the result, because a retry must not run it again.
  const unstored = await endStreams(started).then(
    () => null,
    (error) => `its output could not be stored: ${messageOf(error)}`,
  );
  const stopped = limits.stopped();
  if (stopped?.reason === "startup-timeout" && limits.startedAt() === null && outcome.lost === null) {
    throw new KgentsError("cell-start", stopped.detail);
  }
  const { files, filesOmitted } = filesOf(started, outcome);
  const kernel = await kernelOf(started, outcome);
  const otherBytes = utf8Length(JSON.stringify([files, filesOmitted, kernel]));
  const { summary, loss } = await readBack(started, outcome, otherBytes);
  const ended = { ...outcome, lost: unstored ?? outcome.lost ?? (loss && `its output is not complete: ${loss}`) };
  return {
    ...classify(ended, limits.stopped() ?? ended.stopped ?? null, program.timeout),
    exitCode: ended.exit?.code ?? null,
    signal: ended.exit?.signal ?? null,
    ...summary,
    files,
    filesOmitted,
    isolation: ended.isolation ?? null,
    startedAt: limits.startedAt()?.toISOString() ?? null,
    finishedAt,
    usage: ended.usage,
    ...(kernel && { kernel }),
  };
}

/** Runs the program to its end, and waits until the store has settled. */
async function runAndSettle(started: StartedProgram): Promise<ExecuteOutput> {
  const { store, output, limits } = started;
  const settle = (): Promise<string | null> =>
    within(store.settle(output.key), summaryMilliseconds).catch(
      (error) => `the store could not be settled: ${messageOf(error)}`,
    );
  const result = await runToEnd(started)
    .catch(async (error) => {
      // Another worker may resume from the stored output.
      await settle();
      throw error;
    })
    .finally(limits.deadline.close);
  const unsettled = await settle();
  return unsettled === null ? result : { ...result, notices: [unsettled] };
}

/** The heartbeat of a running program, with the newest output if clients asked for it. */
function heartbeatOf(
  { attempt, live }: ProgramOutput,
  { stdout, stderr }: StartedProgram["streams"],
): ExecuteHeartbeat {
  const bytes = { stdout: stdout.bytes(), stderr: stderr.bytes() };
  if (!live) return { phase: "executing", attempt, bytes };
  const errors = stderr.window(liveWindowBytes / 2);
  const used = errors ? Buffer.byteLength(errors.base64, "base64") : 0;
  const printed = stdout.window(liveWindowBytes - used);
  return {
    phase: "executing",
    attempt,
    bytes,
    live: { ...(printed && { stdout: printed }), ...(errors && { stderr: errors }) },
  };
}

/**
 * Starts the program of a one-shot run in its cell, or resumes following it. Enforces its time and output limits and
 * collects its output, independently of activity attempts.
 */
export function startProgram(
  store: ArtifactStore,
  provider: CellProvider,
  cell: CellPlan,
  program: Program,
  output: ProgramOutput,
): RunningCell {
  const { key, attempt, stored, live } = output;
  const events = new EventEmitter();
  // One listener per follower. Disables Node's leak warning for more than ten.
  events.setMaxListeners(0);
  const limits = watchProgram(
    {
      startup: cell.shape.startupTimeout,
      run: program.timeout,
      collection: output.collectionMilliseconds ?? provider.collectionMilliseconds,
    },
    (error) => {
      for (const stream of [streams.stdout, streams.stderr]) stream.abandon(error);
    },
  );
  const recorded = (stream: StreamName): RecordedStream =>
    recordStream(
      store.write(streamReference(key, attempt, stream), stored[stream]),
      stored[stream],
      maximumStreamBytes,
      () => limits.stop("output-limit", `the code wrote more than ${maximumStreamBytes / 2 ** 20} MiB to ${stream}`),
      events,
      live,
    );
  const streams = { stdout: recorded("stdout"), stderr: recorded("stderr") };
  const collector = createFileCollector(store, key, attempt, output.limits?.fileBytes);
  const outcome = runAndSettle({ store, provider, cell, program, output, limits, streams, collector });
  // Followers receive the failure. Without a follower, an unhandled rejection would end the process.
  outcome.catch(() => {});

  return {
    outcome,
    stop: limits.stop,
    heartbeat: () => heartbeatOf(output, streams),
    onOutput: (listener) => {
      events.on("output", listener);
      return () => events.off("output", listener);
    },
  };
}
