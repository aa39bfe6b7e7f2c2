import type { SessionProgram, SessionProgramOutput } from "#activities/session-contract";
import type { Restored } from "#core/contract/session/result";

/** A program to run, and how the UI shows it. */
export interface Wanted {
  readonly program: SessionProgram;
  readonly summary: string;
  /** The time limit of the program, in milliseconds. */
  readonly milliseconds: number;
  /** Whether a checkpoint is made afterwards, if it is time for one. */
  readonly mayCheckpoint: boolean;
}

/** The end of a program, and whether its cell is a new one instead of one that is gone. */
export interface Ran {
  readonly answer: SessionProgramOutput;
  readonly restored: Restored | null;
}
