/** Something of the host shown inside, read-only. */
export interface Bind {
  readonly source: string;
  readonly target: string;
}

/** How to run a language inside. */
export interface Interpreter {
  /** The program by its absolute path inside, and its arguments. */
  readonly command: readonly string[];
  readonly binds: readonly Bind[];
  /** The directory to put first on PATH. */
  readonly directory: string;
  /** The program on the host, for runs without a sandbox. */
  readonly hostCommand: readonly string[];
}
