import type { ExecutionResult } from "#core/contract/result";
import type { OutputEvent } from "../../sdk/output/event.ts";
import { printBytes, type StreamName } from "../terminal/print.ts";
import type { Reporter } from "../terminal/reporter.ts";

/** Reports that a stream is written faster than heartbeats can carry it. */
export const sayBehind =
  (reporter: Reporter) =>
  (stream: string): void =>
    reporter.say(`${stream} is written faster than it can be followed; the rest is printed at the end`);

/** The destination of each stream; null discards it. */
export interface OutputPlaces {
  readonly stdout: StreamName | null;
  readonly stderr: StreamName | null;
}

/** Prints a run's output as it arrives, each stream to its destination. */
export async function printOutput(
  events: AsyncIterable<OutputEvent>,
  reporter: Reporter,
  places: OutputPlaces = { stdout: "stdout", stderr: "stderr" },
): Promise<void> {
  for await (const event of events) {
    const place = places[event.stream];
    if (!place) continue;
    if (event.type === "output") await printBytes(place, event.bytes);
    else reporter.say(`${event.length} bytes of ${event.stream} are omitted here: the artifact store is not available`);
  }
}

/** Reports what the output alone does not show. */
export function explain(result: ExecutionResult, reporter: Reporter): void {
  if (result.fallback) reporter.say(`ran in the local sandbox, because ${result.fallback.reason}`);
  if (result.isolation?.level === "none")
    reporter.say("ran WITHOUT a sandbox, because the worker's configuration says so");
  for (const notice of result.notices ?? []) reporter.say(notice);
  if (result.status === "succeeded" || (result.status === "failed" && result.signal === null)) return;
  reporter.say(`${result.status}${result.reason ? `: ${result.reason}` : ""} (run ${result.id})`);
}
