/**
 * The result of a run, for every status of the code. At most 1 MiB when serialised.
 *
 * @module
 */
import { z } from "zod";
import { runStatuses } from "./run-status.ts";

/** The output limit of one stream in bytes: 64 MiB. Only a runaway program is expected to reach it. */
export const maximumStreamBytes = 64 * 1024 * 1024;

const timestamp = z.iso.datetime().describe("ISO 8601, UTC");

const streamSchema = z.strictObject({
  text: z
    .string()
    .describe(
      "the whole stream if it fits; otherwise its head, a marker with the number of omitted bytes, and its tail",
    ),
  encoding: z.enum(["utf-8", "base64"]).describe("base64 if the stream is not valid UTF-8"),
  truncated: z.boolean().describe("whether bytes are omitted from `text`"),
  head: z.int().min(0).optional().describe("length of the head in `text` in bytes, if truncated"),
  tail: z.int().min(0).optional().describe("length of the tail in `text` in bytes, if truncated"),
  bytes: z.int().min(0).describe("length of the whole stream in bytes"),
  sha256: z.string().describe("SHA-256 of the whole stream, in hexadecimal"),
  ref: z.string().nullable().describe("name of the whole stream in the artifact store"),
});

const fileSchema = z.strictObject({
  name: z.string().describe("relative to the work directory"),
  bytes: z.int().min(0).describe("size of the file"),
  sha256: z.string().describe("SHA-256 of the content, in hexadecimal"),
  ref: z.string().nullable().describe("name of the content in the artifact store"),
  base64: z.string().optional().describe("the content, if it is small enough for the result"),
});

const enforcementSchema = z.strictObject({
  enforced: z.boolean().describe("whether the code cannot get around it"),
  by: z.string().describe("what enforces it, or why nothing does"),
});

/** The isolation that was actually enforced, and the mechanism of each part. */
export const isolationSchema = z.strictObject({
  level: z.enum(["sandbox", "cluster", "none"]).describe("level of isolation of the whole cell"),
  mechanism: z.string().describe("the program or system that isolates the cell, such as `bubblewrap 0.11.0`"),
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
  id: z.string().describe("the run's id, which is its workflow id"),
  runId: z.string().describe("Temporal's id of this execution of the workflow"),
  status: z.enum(runStatuses).describe("how the code ended; lost if this is unknown"),
  exitCode: z.int().nullable().describe("128 + n if signal n ended the code; null if unknown"),
  signal: z.string().nullable().describe("the signal that ended the code, such as SIGKILL; otherwise null"),
  reason: z.string().nullable().describe("one sentence that explains the status, if it needs an explanation"),
  stdout: streamSchema,
  stderr: streamSchema,
  files: z.array(fileSchema).describe("the output files that `outputs` matched"),
  filesOmitted: z
    .array(z.strictObject({ name: z.string(), reason: z.string() }))
    .describe("output files that were requested but are not returned"),
  notices: z
    .array(z.string())
    .optional()
    .describe("other remarks, one sentence each, such as that output has not reached the bucket yet"),
  language: z.string().describe("the language's name, also if the request has an alias"),
  backend: z.enum(["kubernetes", "subprocess"]).nullable().describe("null if the run ended before one was chosen"),
  fallback: z
    .strictObject({ from: z.string(), reason: z.string() })
    .nullable()
    .describe(
      "why the run used the sandbox instead of the cluster; null if it did not, or if no cluster is configured",
    ),
  environment: z
    .strictObject({
      ecosystem: z.enum(["python", "npm"]).describe("where its packages come from"),
      version: z.string().describe("the version of the interpreter that it was built for"),
      platform: z.string().describe("the platform that it was built for"),
      hash: z.string().describe("identifies the tree of files; the same lock, language version and platform give it"),
      lock: z
        .string()
        .optional()
        .describe("each package with its version and hashes; missing if it is longer than 32 KiB, and in a batch"),
    })
    .optional()
    .describe("the packages that were installed for the code; missing if it asked for none"),
  isolation: isolationSchema.nullable().describe("null if no cell was created"),
  attempts: z.int().min(0).describe("how often the code was started; above 1 only if the request allows retries"),
  timings: z.strictObject({
    queued: timestamp.describe("when the workflow started; ISO 8601, UTC"),
    provisioned: timestamp.nullable().describe("when the first cell was ready"),
    started: timestamp.nullable().describe("when the code was started; null if it was not, or if this is unknown"),
    finished: timestamp.describe("when the code ended, or when the run was abandoned"),
  }),
  usage: z.strictObject({
    peakMemoryBytes: z.number().nullable().describe("null if it could not be measured"),
    cpuSeconds: z.number().nullable().describe("null if it could not be measured"),
  }),
});

/** The result of a run. */
export type ExecutionResult = z.output<typeof resultSchema>;
/** One stream of output, bounded. */
export type StreamResult = z.output<typeof streamSchema>;
/** One output file. */
export type FileResult = z.output<typeof fileSchema>;
/** The isolation that was actually enforced. */
export type Isolation = z.output<typeof isolationSchema>;
/** Whether one part of the isolation is enforced, and by what mechanism. */
export type Enforcement = z.output<typeof enforcementSchema>;
/** The backend of a run. */
export type BackendName = "kubernetes" | "subprocess";
