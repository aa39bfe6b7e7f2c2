import type { Program } from "#core/contract/cell-shape";
import type { Language } from "#core/contract/language";
import type { ProgramContext } from "../../provider.ts";
import type { ClusterClient } from "../api/cluster-client.ts";

/** How far a worker has followed a program, kept across connections. */
export interface FollowState {
  /** Bytes received of each stream. */
  readonly received: { stdout: number; stderr: number };
  /** Whether the code may have been started. */
  mayHaveStarted: boolean;
  /** When the code was started, if known. */
  startedAt: Date | undefined;
}

/** A program in the pod of its cell, as one connection needs it. */
export interface PodProgram {
  readonly client: ClusterClient;
  readonly pod: string;
  readonly program: Program;
  /** Its number. */
  readonly n: number;
  /** That of the cell. */
  readonly language: Language;
  /** That of the program within the run directory: see `programDirectory`. */
  readonly directory: string;
  readonly context: ProgramContext;
  readonly state: FollowState;
}

/** A function that adds the bytes that came of a stream. */
export const byteCounter =
  ({ received }: FollowState, stream: "stdout" | "stderr") =>
  (bytes: number): void => {
    received[stream] += bytes;
  };

/** Records when the code was started, by this worker or an earlier one, as reported by the cell. */
export function begin(state: FollowState, context: ProgramContext, first: string): void {
  if (state.startedAt) return;
  // The code can forge the reported time. A time in the future would extend its time limit, so it is capped at now.
  const at = Math.min(Date.parse(first) || Number.POSITIVE_INFINITY, Date.now());
  state.startedAt = new Date(at);
  context.started(state.startedAt);
}
