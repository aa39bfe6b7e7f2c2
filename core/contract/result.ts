/**
 * The result of a run, for every status of the code. At most 1 MiB when serialised.
 *
 * @module
 */
import { z } from "zod";

/** The output limit of one stream in bytes: 64 MiB. Only a runaway program is expected to reach it. */
export const maximumStreamBytes = 64 * 1024 * 1024;

/** The statuses of a run. */
export const runStatuses = [
  "succeeded",
  "failed",
  "timed-out",
  "out-of-memory",
  "output-limit",
  "cancelled",
  "lost",
] as const;

const timestamp = z.iso.datetime().describe("ISO 8601, UTC");

const streamSchema = z.strictObject({
  text: z
    .string()
    .describe(
      "the whole stream where it fits; otherwise its head, a marker with the number of bytes left out, its tail",
    ),
  encoding: z.enum(["utf-8", "base64"]).describe("base64 where the stream is not valid UTF-8"),
  truncated: z.boolean().describe("whether bytes were left out of `text`"),
  head: z.int().min(0).optional().describe("bytes of the head in `text`, where truncated"),
  tail: z.int().min(0).optional().describe("bytes of the tail in `text`, where truncated"),
  bytes: z.int().min(0).describe("length of the whole stream in bytes"),
  sha256: z.string().describe("of the whole stream, in hexadecimal"),
  ref: z.string().nullable().describe("the whole stream's name in the artifact store"),
});

const fileSchema = z.strictObject({
  name: z.string().describe("relative to the work directory"),
  bytes: z.int().min(0).describe("its size"),
  sha256: z.string().describe("of its content, in hexadecimal"),
  ref: z.string().nullable().describe("its name in the artifact store"),
  base64: z.string().optional().describe("its content, where it is small enough to travel in the result"),
});

const enforcementSchema = z.strictObject({
  enforced: z.boolean().describe("whether it holds, whatever the code does"),
  by: z.string().describe("what enforces it, or why nothing does"),
});

/** The isolation that was actually enforced, and the mechanism of each part. */
export const isolationSchema = z.strictObject({
  level: z.enum(["sandbox", "cluster", "none"]).describe("of the whole cell"),
  mechanism: z.string().describe("such as `bubblewrap 0.11.0`"),
  network: enforcementSchema,
  filesystem: enforcementSchema,
  user: enforcementSchema,
  syscalls: enforcementSchema,
  memory: enforcementSchema,
  cpu: enforcementSchema,
  pids: enforcementSchema,
  disk: enforcementSchema,
  openFiles: enforcementSchema,
  output: enforcementSchema,
  wallClock: enforcementSchema,
});

/** The result of a run. */
export const resultSchema = z.strictObject({
  id: z.string().describe("the run's id: its workflow id"),
  runId: z.string().describe("Temporal's id of this execution of the workflow"),
  status: z.enum(runStatuses).describe("what became of the code; lost where nobody can tell"),
  exitCode: z.int().nullable().describe("128 + n where signal n ended the code; null where it is not known"),
  signal: z.string().nullable().describe("such as SIGKILL, where a signal ended the code"),
  reason: z.string().nullable().describe("one sentence for a status that needs one"),
  stdout: streamSchema,
  stderr: streamSchema,
  files: z.array(fileSchema).describe("the files that `outputs` asked for"),
  filesOmitted: z
    .array(z.strictObject({ name: z.string(), reason: z.string() }))
    .describe("files that were asked for and are not brought back"),
  notices: z
    .array(z.string())
    .optional()
    .describe("what else is to be known, one sentence each: such as that its output has not reached the bucket yet"),
  language: z.string().describe("the language's name, also where an alias was asked for"),
  backend: z.enum(["kubernetes", "subprocess"]).nullable().describe("null where the run ended before one was chosen"),
  fallback: z
    .strictObject({ from: z.string(), reason: z.string() })
    .nullable()
    .describe(
      "why the sandbox took the run instead of a cluster, where it did; null also where no cluster is configured",
    ),
  isolation: isolationSchema.nullable().describe("null where no cell was made"),
  attempts: z.int().min(0).describe("how often the code was started; above 1 only where the request allowed it"),
  timings: z.strictObject({
    queued: timestamp.describe("when the workflow started; ISO 8601, UTC"),
    provisioned: timestamp.nullable().describe("when the first cell was ready"),
    started: timestamp.nullable().describe("when the code was started; null where it was not, or nobody can tell"),
    finished: timestamp.describe("when the code ended, or the run was given up"),
  }),
  usage: z.strictObject({
    peakMemoryBytes: z.number().nullable().describe("null where it could not be measured"),
    cpuSeconds: z.number().nullable().describe("null where it could not be measured"),
  }),
});

/** The result of a run. */
export type ExecutionResult = z.output<typeof resultSchema>;
/** One stream of output, bounded. */
export type StreamResult = z.output<typeof streamSchema>;
/** One output file. */
export type FileResult = z.output<typeof fileSchema>;
/** The status of a run. */
export type RunStatus = (typeof runStatuses)[number];
/** The isolation that was actually enforced. */
export type Isolation = z.output<typeof isolationSchema>;
/** Whether one part of the isolation is enforced, and by what mechanism. */
export type Enforcement = z.output<typeof enforcementSchema>;
/** The backend of a run. */
export type BackendName = "kubernetes" | "subprocess";
