/**
 * The inputs, updates and queries of the workflow `codeSession` as schemas, for the JSON Schemas of docs/schema/.
 *
 * @module
 */
import { z } from "zod";
import { strict } from "../fields.ts";
import { interruptSchema, readFilesSchema, removeFilesSchema, runCallSchema, writeFilesSchema } from "./calls.ts";
import type { SessionUpdate, sessionQueries } from "./names.ts";
import {
  callEntrySchema,
  callResultSchema,
  checkpointedSchema,
  interruptedSchema,
  listedSchema,
  readSchema,
  removedSchema,
  sessionEndSchema,
  sessionStateSchema,
  writtenSchema,
} from "./result.ts";

const nothing = strict({}, "an empty object, or nothing");

/** The argument of each update. */
export const updateArguments = z.object({
  run: runCallSchema,
  writeFiles: writeFilesSchema,
  readFiles: readFilesSchema,
  listFiles: nothing,
  removeFiles: removeFilesSchema,
  interrupt: interruptSchema,
  checkpoint: nothing,
  close: nothing,
} satisfies Record<SessionUpdate, z.ZodType>);

/** The result of each update. */
export const updateResults = z.object({
  run: callResultSchema,
  writeFiles: writtenSchema,
  readFiles: readSchema,
  listFiles: listedSchema,
  removeFiles: removedSchema,
  interrupt: interruptedSchema,
  checkpoint: checkpointedSchema,
  close: sessionEndSchema,
} satisfies Record<SessionUpdate, z.ZodType>);

/** The answer to each query. */
export const queryAnswers = z.object({
  state: sessionStateSchema,
  calls: z.array(callEntrySchema),
} satisfies Record<keyof typeof sessionQueries, z.ZodType>);
