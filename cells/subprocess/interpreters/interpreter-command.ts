/** A path of the host that is mounted inside, read-only. */
export interface Bind {
  readonly source: string;
  readonly target: string;
}

/** How to run a language in the sandbox. */
export interface Interpreter {
  /** The program by its absolute path in the sandbox, and its arguments. */
  readonly command: readonly string[];
  readonly binds: readonly Bind[];
  /** The directory to put first on PATH. */
  readonly directory: string;
  /** The program on the host, for runs without a sandbox. */
  readonly hostCommand: readonly string[];
}
