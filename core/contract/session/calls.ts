/**
 * The arguments of a session's updates. Every field has a bound.
 *
 * @module
 */
import { z } from "zod";
import { utf8Length } from "../../text/bytes.ts";
import { fileNameField, fileNameRule, flag, list, pathField, strict } from "../fields.ts";
import { checkFileSet, contentBytes } from "../file-set.ts";
import { describeValue, parseOrRefuse, refuse } from "../refusal.ts";
import { maximumFiles, maximumRequestBytes, requestSchema } from "../request.ts";

const { code, files, entrypoint, args, env, stdin, timeout, outputs } = requestSchema.shape;

const patternsRule = "1 to 64 globs relative to the work directory, without `..`";
const namesRule = `1 to ${maximumFiles} names, each ${fileNameRule}`;

/** The argument of the update `run`. */
export const runCallSchema = strict(
  {
    code: code.describe("the code to run, in the session's kernel if the language has one"),
    files: files.describe("files placed in the work directory before the code runs"),
    entrypoint: entrypoint.describe("the file of the work directory to run as a process of its own, instead of `code`"),
    isolated: flag()
      .default(false)
      .describe("run the code as a process of its own on the session's files, without the kernel's names"),
    args: args.describe("arguments of the process; the kernel takes none"),
    env: env.describe("environment variables of the process; the kernel takes none"),
    stdin: stdin.describe("standard input of the process; the kernel takes none"),
    timeout: timeout.describe("wall-clock time limit of the call, in seconds or with a unit, from 0.1 s to 24 h"),
    outputs,
  },
  "an object with the fields of a call",
);

/** The argument of the update `writeFiles`. */
export const writeFilesSchema = strict({ files }, "an object with files");

/** The argument of the update `readFiles`. */
export const readFilesSchema = strict(
  { patterns: list(pathField(patternsRule), 64, patternsRule).min(1, { error: patternsRule }) },
  "an object with patterns",
);

/** The argument of the update `removeFiles`. */
export const removeFilesSchema = strict(
  { names: list(fileNameField(), maximumFiles, namesRule).min(1, { error: namesRule }) },
  "an object with names",
);

/** The argument of the update `interrupt`. */
export const interruptSchema = strict(
  {
    update: z
      .string()
      .max(1000, { error: "the id of an update" })
      .optional()
      .describe("update id of the call to interrupt, which is withdrawn if it waits; default: the call that runs"),
  },
  "an object with the update id of a call, or nothing",
);

/** A call as a client writes it. */
export type RunCall = z.input<typeof runCallSchema>;
/** A call with every default applied. */
export type RunCallSpec = z.output<typeof runCallSchema>;
/** Files to write, as a client writes them. */
export type WriteFiles = z.input<typeof writeFilesSchema>;
/** Which files to read. */
export type ReadFiles = z.input<typeof readFilesSchema>;
/** Which files to remove. */
export type RemoveFiles = z.input<typeof removeFilesSchema>;

const kind = "invalid-request";

/** Refuses an argument that is larger than a workflow takes. */
function checkSize(input: unknown, whole: string): void {
  const bytes = utf8Length(JSON.stringify(input) ?? "");
  if (bytes <= maximumRequestBytes) return;
  const allowed = `${maximumRequestBytes}; larger code, stdin and files must be in the artifact store`;
  throw refuse(kind, whole, `${bytes} bytes of JSON`, allowed);
}

const sizes = (written: RunCallSpec["files"]) =>
  written.map(({ name, content }) => ({ name, bytes: contentBytes(content) }));

/**
 * Checks the argument of `run`, without a limit on its JSON size, and applies the defaults.
 *
 * @throws KgentsError `invalid-request`, with the field's name, its value and what is allowed
 */
export function validateRunCall(input: unknown): RunCallSpec {
  const call = parseOrRefuse(runCallSchema, input, kind, "call");
  const { code: text, entrypoint: file } = call;
  if (text === undefined && file === undefined) throw refuse(kind, "code", "nothing", "code, or an entrypoint");
  if (text !== undefined && file !== undefined) {
    throw refuse(kind, "entrypoint", "both code and entrypoint", "one of them");
  }
  checkFileSet(sizes(call.files));
  return call;
}

/** Checks the argument of `run` as a workflow receives it: as {@link validateRunCall} does, and at most 1 MiB of JSON. */
export function parseRunCall(input: unknown): RunCallSpec {
  const call = validateRunCall(input);
  checkSize(input, "call");
  return call;
}

/**
 * Refuses what a kernel cannot take: the process of the kernel has started long before the call.
 *
 * @throws KgentsError `invalid-request`
 */
export function checkKernelCall({ args: words, env: variables, stdin: input }: RunCallSpec): void {
  const allowed = "none in the kernel; set isolated to true, or name an entrypoint";
  if (words.length > 0) throw refuse(kind, "args", describeValue(words, true), allowed);
  if (Object.keys(variables).length > 0) throw refuse(kind, "env", describeValue(variables, true), allowed);
  if (input !== undefined) throw refuse(kind, "stdin", describeValue(input, true), allowed);
}

/** Checks the argument of `writeFiles`, without a limit on its JSON size. @throws KgentsError `invalid-request` */
export function validateWriteFiles(input: unknown): RunCallSpec["files"] {
  const { files: written } = parseOrRefuse(writeFilesSchema, input, kind, "call");
  if (written.length === 0) throw refuse(kind, "files", "a list of 0", "at least one file");
  checkFileSet(sizes(written));
  return written;
}

/** Checks the argument of `writeFiles` as a workflow receives it. @throws KgentsError `invalid-request` */
export function parseWriteFiles(input: unknown): RunCallSpec["files"] {
  const written = validateWriteFiles(input);
  checkSize(input, "call");
  return written;
}

/** Checks the argument of `readFiles`. @throws KgentsError `invalid-request` */
export const parseReadFiles = (input: unknown): readonly string[] =>
  parseOrRefuse(readFilesSchema, input, kind, "call").patterns;

/** Checks the argument of `removeFiles`. @throws KgentsError `invalid-request` */
export const parseRemoveFiles = (input: unknown): readonly string[] =>
  parseOrRefuse(removeFilesSchema, input, kind, "call").names;
