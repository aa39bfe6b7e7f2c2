/**
 * The two halves of a request: the shape of the cell, and the program that runs in it. A cell may run several programs.
 *
 * @module
 */
import type { CellEnvironment } from "../packages/environment.ts";
import { commandInImage, type Language } from "./language.ts";
import type { Content, ExecutionSpec } from "./request.ts";

/**
 * Where the programs of a cell may connect to. Every place that enforces it switches over `to`, so that the compiler
 * finds them all when a variant is added, such as a list of hosts.
 */
export type NetworkAccess = { readonly to: "nothing" } | { readonly to: "public-addresses" };

/** What a cell is created from: its image or interpreter, its limits and its lifetime. Nothing of a program. */
export interface CellShape {
  /** The language of its programs. Determines the interpreter that must be there. */
  readonly language: Language;
  /** The image in a cluster. */
  readonly image: string;
  /** Thousandths of a core. */
  readonly cpu: number;
  /** In bytes. */
  readonly memory: number;
  /** The limit of its files, in bytes, without those of the programs' input. */
  readonly disk: number;
  readonly network: NetworkAccess;
  /** The request's labels, for the objects of a cluster. */
  readonly labels: Readonly<Record<string, string>>;
  /** How long it may take to start, in milliseconds. */
  readonly startupTimeout: number;
  /** How long its programs may run in all, in milliseconds. */
  readonly lifetime: number;
  /** How long the objects of the finished cell stay in a cluster, in milliseconds. */
  readonly ttl: number;
  /** The bytes of the input that comes from the artifact store. They count in addition to `disk`. */
  readonly inputBytes: number;
  /**
   * Whether the cell ends with its first program (`one`), or waits for further ones until it is released or its lifetime
   * is over. All processes of a program are killed at its end (`many`), or stay while the cell does (`session`).
   */
  readonly programs: "one" | "many" | "session";
  /** The packages of its programs. @default none */
  readonly environment?: CellEnvironment | undefined;
}

/** An input file of a program. */
export type ProgramFile = ExecutionSpec["files"][number];

/**
 * What runs in a cell: the file `codeFile` by the interpreter of the cell's language, unless `kernel` or `script` says
 * otherwise.
 */
export interface Program {
  /** The interpreter in an image, with its arguments. On the worker's machine its own interpreter is used instead. */
  readonly command: readonly string[];
  /** The file to run, relative to the work directory. */
  readonly codeFile: string;
  /** Its content; undefined if it is one of `files`, or in the cell already. */
  readonly code: Content | undefined;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Content | undefined;
  readonly files: readonly ProgramFile[];
  /** Glob patterns of the files to collect. */
  readonly outputs: readonly string[];
  /** Wall-clock time of the program, in milliseconds. */
  readonly timeout: number;
  /**
   * Evaluates `code` in the kernel of the cell, which keeps its names between programs. The first such program starts
   * the kernel, with its `env`. `codeFile`, `args` and `stdin` are not used. Only in cells for a session, and languages
   * with a kernel: see `hasKernel`.
   */
  readonly kernel?: true;
  /**
   * A POSIX shell script that runs in the work directory instead, with `args`, whatever the language of the cell. Other
   * processes of the cell, and users of its host, can read it and `args`. `code` must be undefined.
   */
  readonly script?: string;
}

/** The number of bytes that come from the artifact store. */
function artifactBytes({ code = "", stdin = "", files }: ExecutionSpec): number {
  return [code, stdin, ...files.map((file) => file.content)]
    .map((content) => (typeof content === "object" && "artifact" in content ? content.bytes : 0))
    .reduce((sum, size) => sum + size, 0);
}

/** The part of a shape that runs and sessions have in common. */
export const commonShapeOf = (
  spec: Pick<ExecutionSpec, "image" | "cpu" | "memory" | "disk" | "network" | "labels" | "startupTimeout">,
  language: Language,
) => ({
  language,
  image: spec.image ?? language.image,
  cpu: spec.cpu,
  memory: spec.memory,
  disk: spec.disk,
  network: networkOf(spec.network),
  labels: spec.labels,
  startupTimeout: spec.startupTimeout,
});

/** The shape of the cell of a one-shot run. */
export const shapeOf = (spec: ExecutionSpec, language: Language): CellShape => ({
  ...commonShapeOf(spec, language),
  lifetime: spec.timeout,
  ttl: spec.ttl,
  inputBytes: artifactBytes(spec),
  programs: "one",
});

/** The network access that a request's flag means. */
export const networkOf = (network: boolean): NetworkAccess => ({ to: network ? "public-addresses" : "nothing" });

/** What a program is made from: a request, or a call of a session with its image. */
type ProgramFields = Pick<
  ExecutionSpec,
  "image" | "entrypoint" | "code" | "args" | "env" | "stdin" | "files" | "outputs" | "timeout"
>;

/** The program of a request. */
export const programOf = (spec: ProgramFields, language: Language): Program => ({
  command: commandInImage(language, spec.image ?? language.image),
  codeFile: spec.entrypoint ?? language.fileName,
  code: spec.code,
  args: spec.args,
  env: spec.env,
  stdin: spec.stdin,
  files: spec.files,
  outputs: spec.outputs,
  timeout: spec.timeout,
});
