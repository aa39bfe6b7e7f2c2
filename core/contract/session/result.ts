/**
 * The results of a session's updates, and the answers to its queries. Each is at most 1 MiB of JSON.
 *
 * @module
 */
import { z } from "zod";
import { resultSchema } from "../result.ts";
import { runStatuses } from "../run-status.ts";
import { displayTypes } from "./displays.ts";

const shape = resultSchema.shape;
const timestamp = shape.timings.shape.finished;

/** How a call of a session ended. */
export const callStatuses = [...runStatuses, "interrupted"] as const;

const contentSchema = z.strictObject({
  data: z.string().optional().describe("the content: text, or base64 of an image; absent if it is only in the store"),
  encoding: z.enum(["utf-8", "base64"]),
  bytes: z.int().min(0).describe("size of the content, decoded"),
  ref: z.string().nullable().describe("name of the content in the artifact store, if it is too large for the result"),
});

const displaySchema = z
  .partialRecord(z.enum(displayTypes), contentSchema)
  .describe("one value that was shown, by MIME type. It comes from the code: never render it as trusted HTML");

const checkpointSchema = z.strictObject({
  at: timestamp.describe("when the files were read; ISO 8601, UTC"),
  bytes: z.int().min(0).describe("size of the tar archive"),
  sha256: z.string().describe("SHA-256 of the tar archive, in hexadecimal"),
  ref: z.string().nullable().describe("name of the tar archive in the artifact store; null if there were no files"),
});

/** What a session continued with after its cell was gone. */
const restoredSchema = z.strictObject({
  checkpoint: checkpointSchema.nullable().describe("the files it continues with; null if there was no checkpoint"),
  kernel: z.literal("new").describe("names of the earlier kernel are gone"),
  reason: z.string().describe("why the earlier cell was gone, in one sentence"),
});
const restored = restoredSchema.nullable().describe("set if this call is the first one after the cell was gone");

/** The result of the update `run`. */
export const callResultSchema = z.strictObject({
  call: z.int().min(1).describe("number of the call within the session, from 1"),
  status: z.enum(callStatuses).describe("how the code ended; lost if this is unknown"),
  exitCode: shape.exitCode,
  signal: shape.signal,
  reason: shape.reason,
  error: z
    .strictObject({ name: z.string(), message: z.string() })
    .nullable()
    .describe("the exception that ended the code, as the kernel reports it"),
  stdout: shape.stdout,
  stderr: shape.stderr,
  displays: z.array(displaySchema).describe("the values that the code showed, in order, at most 16"),
  displaysOmitted: z.int().min(0).describe("number of values that are not in `displays`, because of its bounds"),
  kernel: z
    .enum(["new", "same"])
    .nullable()
    .describe("new: the first call of a kernel, which knows no earlier names; null if the call ran without a kernel"),
  restored,
  files: shape.files,
  filesOmitted: shape.filesOmitted,
  notices: shape.notices,
  timings: z.strictObject({ started: shape.timings.shape.started, finished: shape.timings.shape.finished }),
  language: shape.language,
  usage: shape.usage,
});

/** The result of the update `writeFiles`. */
export const writtenSchema = z.strictObject({
  written: z.array(z.strictObject({ name: z.string(), bytes: z.int().min(0) })),
  restored,
});

/** The result of the update `readFiles`. */
export const readSchema = z.strictObject({ files: shape.files, filesOmitted: shape.filesOmitted, restored });

/** The result of the update `listFiles`. */
export const listedSchema = z.strictObject({
  files: z.array(
    z.strictObject({
      name: z.string().describe("relative to the work directory"),
      type: z.enum(["file", "directory", "other"]),
      bytes: z.int().min(0),
      modified: timestamp,
    }),
  ),
  omitted: z.int().min(0).describe("number of entries that are not in `files`, because of its bounds or their names"),
  restored,
});

/** The result of the update `removeFiles`. */
export const removedSchema = z.strictObject({
  removed: z.array(z.string()),
  missing: z.array(z.string()).describe("names of which there was nothing"),
  restored,
});

/** The result of the update `checkpoint`. */
export const checkpointedSchema = z.strictObject({ checkpoint: checkpointSchema, restored });

/** The result of the update `interrupt`. */
export const interruptedSchema = z.strictObject({
  interrupted: z.boolean().describe("whether a call was running, or a named one was withdrawn"),
});

/** The result of the update `close`, and of the workflow itself. */
export const sessionEndSchema = z.strictObject({
  id: z.string().describe("the session's id, which is its workflow id"),
  reason: z
    .enum(["closed", "maximum-age", "idle", "cancelled"])
    .describe("idle: only with restore never; otherwise an idle session is paused"),
  calls: z.int().min(0).describe("number of calls"),
});

/** The answer to the query `state`. */
export const sessionStateSchema = z.strictObject({
  status: z
    .enum(["starting", "ready", "running", "paused", "closed"])
    .describe("paused: there is no cell until the next call"),
  language: z.string().nullable().describe("null until the first cell is ready"),
  kernel: z.boolean().nullable().describe("whether the language has a kernel; null until the first cell is ready"),
  backend: shape.backend,
  isolation: shape.isolation,
  environment: shape.environment,
  calls: z.int().min(0).describe("number of calls that have begun"),
  waiting: z.int().min(0).describe("number of updates that wait for their turn"),
  running: z
    .strictObject({ call: z.int().nullable(), kind: z.string(), title: z.string(), since: timestamp })
    .nullable()
    .describe("what runs now"),
  checkpoint: checkpointSchema.nullable(),
  checkpointFailure: z
    .string()
    .optional()
    .describe(
      "why changes since the checkpoint are not kept; absent if they are. The session is not paused while it is set",
    ),
  started: timestamp,
  lastUsed: timestamp,
  idleTimeout: z.number().nullable().describe("milliseconds; null until the first cell is ready"),
  expires: timestamp.nullable().describe("when the session ends; null until the first cell is ready"),
});

/** An entry of the answer to the query `calls`: the latest ones, oldest first. */
export const callEntrySchema = z.strictObject({
  call: z.int().min(1),
  title: z.string().describe("first line of the code"),
  status: z.enum([...callStatuses, "error"]).describe("error: the call was not carried out"),
  exitCode: shape.exitCode,
  kernel: callResultSchema.shape.kernel,
  started: timestamp.nullable(),
  finished: timestamp,
  milliseconds: z.number().min(0),
});

export type CallStatus = (typeof callStatuses)[number];
export type CallResult = z.output<typeof callResultSchema>;
export type Display = z.output<typeof displaySchema>;
export type DisplayContent = z.output<typeof contentSchema>;
export type Checkpoint = z.output<typeof checkpointSchema>;
export type Restored = z.output<typeof restoredSchema>;
export type Written = z.output<typeof writtenSchema>;
export type FilesRead = z.output<typeof readSchema>;
export type FilesListed = z.output<typeof listedSchema>;
export type Removed = z.output<typeof removedSchema>;
export type Checkpointed = z.output<typeof checkpointedSchema>;
export type Interrupted = z.output<typeof interruptedSchema>;
export type SessionEnd = z.output<typeof sessionEndSchema>;
export type SessionState = z.output<typeof sessionStateSchema>;
export type CallEntry = z.output<typeof callEntrySchema>;
