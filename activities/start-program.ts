import { EventEmitter } from "node:events";
import type { CellPlan } from "#cells/cell-plan";
import {
  type CellProvider,
  lostOutcome,
  type ProgramContext,
  type ProgramOutcome,
  type StopReason,
} from "#cells/provider";
import { ranTooLong } from "#cells/ran-too-long";
import type { ResultLimits } from "#core/contract/batch";
import type { Program } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { maximumStreamBytes } from "#core/contract/result";
import { formatDuration } from "#core/text/duration";
import { messageOf } from "#core/text/message-of";
import { within } from "#platform/host/time-limit";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { openContent } from "#platform/store/open-content";
import { streamReference } from "#platform/store/references";
import { summariseStreams, unreadableStreams } from "#platform/store/summarise";
import { classify } from "./classify-outcome.ts";
import { collectionDeadline } from "./collection-deadline.ts";
import type { ExecuteHeartbeat, ExecuteOutput } from "./contract.ts";
import { createFileCollector } from "./output-files.ts";
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
}

/** The time limit of reading the streams back, and that of settling the store, each in milliseconds. */
const summaryMilliseconds = 20_000;

/** The number of the program of a one-shot run. */
const onlyProgram = 1;

/** Compares the stored output with what the cell produced. Returns why they differ; null if they do not. */
function lossOf(
  read: ProgramOutcome["read"],
  recorded: Readonly<Record<"stdout" | "stderr", Pick<RecordedStream, "bytes" | "received">>>,
  stored: Readonly<Record<"stdout" | "stderr", { readonly bytes: number }>>,
): string | null {
  for (const name of ["stdout", "stderr"] as const) {
    const { bytes, received } = recorded[name];
    const came = read?.[name] ?? received();
    if (came !== received()) return `of ${came} bytes of ${name}, ${received()} were taken over`;
    if (stored[name].bytes < bytes()) return `of ${bytes()} bytes of ${name}, the store has ${stored[name].bytes}`;
  }
  return null;
}

/**
 * Starts the program of a one-shot run in its cell, or resumes following it. Enforces its time and output limits and collects its output,
 * independently of activity attempts.
 */
export function startProgram(
  store: ArtifactStore,
  provider: CellProvider,
  cell: CellPlan,
  program: Program,
  output: ProgramOutput,
): RunningCell {
  const { key, attempt, stored, live, limits } = output;
  const { startupTimeout } = cell.shape;
  const stop = new AbortController();
  const events = new EventEmitter();
  // One listener per follower. Disables Node's leak warning for more than ten.
  events.setMaxListeners(0);
  let stopped: { reason: StopReason; detail: string } | null = null;
  let startedAt: Date | null = null;
  const abandoned = new AbortController();
  const deadline = collectionDeadline(output.collectionMilliseconds ?? provider.collectionMilliseconds, (error) => {
    stopFor("collection-timeout", error.message);
    abandoned.abort(error);
    for (const stream of [stdout, stderr]) stream.abandon(error);
  });
  const stopFor = (reason: StopReason, detail: string): void => {
    if (stopped) return;
    stopped = { reason, detail };
    deadline.begin();
    stop.abort(reason);
  };

  let clock = setTimeout(
    () => stopFor("startup-timeout", `the cell did not start within ${formatDuration(startupTimeout)}`),
    startupTimeout,
  );
  const started = (at: Date = new Date()): void => {
    startedAt = at;
    clearTimeout(clock);
    clock = setTimeout(
      () => stopFor("timed-out", ranTooLong(program.timeout)),
      Math.max(0, at.getTime() + program.timeout - Date.now()),
    );
  };
  const hasEnded = (): void => {
    clearTimeout(clock);
    deadline.begin();
  };
  const recorded = (stream: "stdout" | "stderr") =>
    recordStream(
      store.write(streamReference(key, attempt, stream), stored[stream]),
      stored[stream],
      maximumStreamBytes,
      () => stopFor("output-limit", `the code wrote more than ${maximumStreamBytes / 2 ** 20} MiB to ${stream}`),
      events,
      live,
    );
  const stdout = recorded("stdout");
  const stderr = recorded("stderr");
  const collector = createFileCollector(store, key, attempt, limits?.fileBytes);

  const endStreams = (): Promise<unknown> => {
    deadline.begin();
    return deadline.bound(Promise.all([stdout.end(), stderr.end()]));
  };
  const runCode = async (): Promise<ProgramOutcome> => {
    try {
      const outcome = provider.run(cell, onlyProgram, program, {
        stop: stop.signal,
        abandoned: abandoned.signal,
        started,
        ended: hasEnded,
        stored,
        stdout: stdout.sink,
        stderr: stderr.sink,
        open: (content) => openContent(store.openBlob, content),
        saveFile: collector.save,
      });
      return await deadline.bound(outcome);
    } catch (error) {
      await endStreams().catch(() => {});
      if (stopped?.reason === "handed-over") throw error;
      if (startedAt !== null) return lostOutcome(`the code was started, and then: ${messageOf(error)}`);
      if (stopped?.reason === "startup-timeout" && !(error instanceof KgentsError)) {
        throw new KgentsError("cell-start", stopped.detail, { cause: error });
      }
      if (stopped?.reason === "cancelled") return lostOutcome(null);
      throw error;
    } finally {
      clearTimeout(clock);
    }
  };
  const run = async (): Promise<ExecuteOutput> => {
    const outcome = await runCode();
    const finishedAt = new Date().toISOString();
    // The code has run. Errors with its output are reported in the result, because a retry must not run it again.
    const unstored = await endStreams().then(
      () => null,
      (error) => `its output could not be stored: ${messageOf(error)}`,
    );
    if (stopped?.reason === "startup-timeout" && startedAt === null && outcome.lost === null) {
      throw new KgentsError("cell-start", stopped.detail);
    }
    const { files, omitted } = collector.result(outcome.filesOmitted);
    // A completed collection reports a file or an omission for each glob, so there was none.
    if (program.outputs.length > 0 && files.length === 0 && omitted.length === 0) {
      omitted.push({ name: "...", reason: "the cell ended before its files could be collected" });
    }
    const otherBytes = JSON.stringify([files, omitted]).length;
    const summary = await within(
      summariseStreams(store, key, { attempt, limits }, otherBytes),
      summaryMilliseconds,
    ).catch(messageOf);
    const streams = typeof summary === "string" ? unreadableStreams(stdout.bytes(), stderr.bytes()) : summary;
    const loss =
      typeof summary === "string"
        ? `it could not be read back from the store: ${summary}`
        : lossOf(outcome.read, { stdout, stderr }, summary);
    const ended = { ...outcome, lost: unstored ?? outcome.lost ?? (loss && `its output is not complete: ${loss}`) };
    return {
      ...classify(ended, stopped ?? ended.stopped ?? null, program.timeout),
      exitCode: ended.exit?.code ?? null,
      signal: ended.exit?.signal ?? null,
      ...streams,
      files,
      filesOmitted: omitted,
      isolation: ended.isolation ?? null,
      startedAt: startedAt?.toISOString() ?? null,
      finishedAt,
      usage: ended.usage,
    };
  };
  const settled = async (): Promise<ExecuteOutput> => {
    const settle = (): Promise<string | null> =>
      within(store.settle(key), summaryMilliseconds).catch(
        (error) => `the store could not be settled: ${messageOf(error)}`,
      );
    const output = await run()
      .catch(async (error) => {
        // Another worker may resume from the stored output.
        await settle();
        throw error;
      })
      .finally(deadline.close);
    const unsettled = await settle();
    return unsettled === null ? output : { ...output, notices: [unsettled] };
  };
  const outcome = settled();
  // Followers receive the failure. Without a follower, an unhandled rejection would end the process.
  outcome.catch(() => {});

  return {
    outcome,
    stop: stopFor,
    heartbeat: (): ExecuteHeartbeat => {
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
    },
    onOutput: (listener) => {
      events.on("output", listener);
      return () => events.off("output", listener);
    },
  };
}
