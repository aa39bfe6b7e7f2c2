import { EventEmitter } from "node:events";
import type { Backend, CellOutcome, CellPlan, ExecuteContext, StopReason } from "#cells/provider";
import { ranTooLong } from "#cells/ran-too-long";
import type { ResultLimits } from "#core/contract/batch";
import { KgentsError } from "#core/contract/error";
import { type BackendName, maximumStreamBytes } from "#core/contract/result";
import { formatDuration } from "#core/text/duration";
import { messageOf } from "#core/text/message-of";
import { within } from "#platform/host/within";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { openContent } from "#platform/store/open-content";
import { streamReference } from "#platform/store/references";
import { summariseStreams, unreadableStreams } from "#platform/store/summarise";
import { classify } from "./classify.ts";
import { collectionDeadline } from "./collection-deadline.ts";
import type { ExecuteHeartbeat, ExecuteOutput } from "./contract.ts";
import { createFileCollector } from "./output-files.ts";
import { liveWindowBytes, type RecordedStream, recordStream } from "./recorded-stream.ts";
import type { RunningCell } from "./running-cells.ts";

/** The outcome if the backend could not report the end of the code. */
const unknownEnd = (lost: string | null): CellOutcome => ({
  exit: null,
  outOfMemory: false,
  lost,
  usage: { peakMemoryBytes: null, cpuSeconds: null },
  filesOmitted: [],
});

/** The destination and limits of the output of one start attempt. */
interface CellPlace {
  readonly key: string;
  readonly attempt: number;
  /** The bytes of each stream that an earlier worker has stored. */
  readonly stored: ExecuteContext["stored"];
  readonly limits?: ResultLimits | undefined;
  /** Overrides {@link collectionMilliseconds} in tests. */
  readonly collectionMilliseconds?: number;
}

/**
 * The time limit for collecting and storing the output after the code's end, in milliseconds. Together with the
 * following steps (five seconds of grace, reading the streams back, settling the store) it stays within the phase's
 * timeout in the workflow.
 */
const collectionMilliseconds: Readonly<Record<BackendName, number>> = { subprocess: 60_000, kubernetes: 300_000 };
/** The time limit of reading the streams back, and that of settling the store, each in milliseconds. */
const summaryMilliseconds = 20_000;

/** Compares the stored output with what the cell produced. Returns why they differ; null if they do not. */
function lossOf(
  read: CellOutcome["read"],
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
 * Starts code in its cell, or resumes following it. Enforces its time and output limits and collects its output,
 * independently of activity attempts.
 */
export function startCell(store: ArtifactStore, backend: Backend, plan: CellPlan, place: CellPlace): RunningCell {
  const { key, attempt, stored, limits } = place;
  const stop = new AbortController();
  const events = new EventEmitter();
  // One listener per follower. Disables Node's leak warning for more than ten.
  events.setMaxListeners(0);
  let stopped: { reason: StopReason; detail: string } | null = null;
  let startedAt: Date | null = null;
  const abandoned = new AbortController();
  const deadline = collectionDeadline(place.collectionMilliseconds ?? collectionMilliseconds[backend.name], (error) => {
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

  const { spec } = plan;
  let clock = setTimeout(
    () => stopFor("startup-timeout", `the cell did not start within ${formatDuration(spec.startupTimeout)}`),
    spec.startupTimeout,
  );
  const started = (at: Date = new Date()): void => {
    startedAt = at;
    clearTimeout(clock);
    clock = setTimeout(
      () => stopFor("timed-out", ranTooLong(spec.timeout)),
      Math.max(0, at.getTime() + spec.timeout - Date.now()),
    );
  };
  const ended = (): void => {
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
      spec.live === "heartbeat",
    );
  const stdout = recorded("stdout");
  const stderr = recorded("stderr");
  const collector = createFileCollector(store, key, attempt, limits?.fileBytes);

  const endStreams = (): Promise<unknown> => {
    deadline.begin();
    return deadline.bound(Promise.all([stdout.end(), stderr.end()]));
  };
  const runCode = async (): Promise<CellOutcome> => {
    try {
      const outcome = backend.execute(plan, {
        ...{ stop: stop.signal, abandoned: abandoned.signal },
        ...{ started, ended },
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
      if (startedAt !== null) return unknownEnd(`the code was started, and then: ${messageOf(error)}`);
      if (stopped?.reason === "startup-timeout" && !(error instanceof KgentsError)) {
        throw new KgentsError("cell-start", stopped.detail, { cause: error });
      }
      if (stopped?.reason === "cancelled") return unknownEnd(null);
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
    if (spec.outputs.length > 0 && files.length === 0 && omitted.length === 0) {
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
    const cell = { ...outcome, lost: unstored ?? outcome.lost ?? (loss && `its output is not complete: ${loss}`) };
    return {
      ...classify(cell, stopped ?? cell.stopped ?? null, spec.timeout),
      exitCode: cell.exit?.code ?? null,
      signal: cell.exit?.signal ?? null,
      ...streams,
      files,
      filesOmitted: omitted,
      isolation: cell.isolation ?? null,
      startedAt: startedAt?.toISOString() ?? null,
      finishedAt,
      usage: cell.usage,
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
      if (spec.live !== "heartbeat") return { phase: "executing", attempt, bytes };
      const errors = stderr.window(liveWindowBytes / 2);
      const used = errors ? Buffer.byteLength(errors.base64, "base64") : 0;
      const output = stdout.window(liveWindowBytes - used);
      return {
        phase: "executing",
        attempt,
        bytes,
        live: { ...(output && { stdout: output }), ...(errors && { stderr: errors }) },
      };
    },
    onOutput: (listener) => {
      events.on("output", listener);
      return () => events.off("output", listener);
    },
  };
}
