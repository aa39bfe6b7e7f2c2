import type { ExecutionResult } from "#core/contract/result";
import type { OutputEvent } from "../../sdk/output/event.ts";
import { printBytes, type StreamName } from "../terminal/print.ts";
import type { Voice } from "../terminal/voice.ts";

/** Says that a stream comes faster than heartbeats carry it. */
export const sayBehind =
  (voice: Voice) =>
  (stream: string): void =>
    voice.say(`${stream} comes faster than it can be followed from here; the rest comes at the end`);

/** Where each stream goes. */
export interface OutputPlaces {
  readonly stdout: StreamName | null;
  readonly stderr: StreamName | null;
}

/** Prints a run's output as it comes, each stream to its place. */
export async function printOutput(
  events: AsyncIterable<OutputEvent>,
  voice: Voice,
  places: OutputPlaces = { stdout: "stdout", stderr: "stderr" },
): Promise<void> {
  for await (const event of events) {
    const place = places[event.stream];
    if (!place) continue;
    if (event.type === "output") await printBytes(place, event.bytes);
    else voice.say(`${event.length} bytes of ${event.stream} are left out here: the artifact store is out of reach`);
  }
}

/** Says what the output alone does not show. */
export function explain(result: ExecutionResult, voice: Voice): void {
  if (result.fallback) voice.say(`ran in the local sandbox, because ${result.fallback.reason}`);
  if (result.isolation?.level === "none") voice.say("ran WITHOUT a sandbox: this worker is configured so");
  for (const notice of result.notices ?? []) voice.say(notice);
  if (result.status === "succeeded" || (result.status === "failed" && result.signal === null)) return;
  voice.say(`${result.status}${result.reason ? `: ${result.reason}` : ""} (run ${result.id})`);
}
