/**
 * The input of the workflow `codeSession`: the cell that a session keeps, and how long. Every field has a bound and a
 * default.
 *
 * @module
 */
import { z } from "zod";
import { duration, strict, toMilliseconds } from "../fields.ts";
import { parseOrRefuse } from "../refusal.ts";
import { packageLists, requestSchema } from "../request.ts";

const { language, image, cpu, memory, disk, network, backend, fallback, startupTimeout, labels, requester } =
  requestSchema.shape;

const idleRule = 'a duration from 1 s to 24 h, such as 600 or "10m"';
const ageRule = 'a duration from 1 s to 7 days, such as 3600 or "8h"';

/** The schema of a session. */
export const sessionSchema = strict(
  {
    language: language.describe("a language that the worker has; python, javascript, typescript and bash keep names"),
    image,
    cpu,
    memory: memory.describe("memory limit of the whole session, in bytes or with a unit, from 16Mi to 1Ti"),
    disk,
    network,
    backend,
    fallback,
    startupTimeout,
    idleTimeout: duration(idleRule, 1000, 86_400_000)
      .transform(toMilliseconds)
      .prefault("10m")
      .describe("a session without calls for this long is paused: its files are kept, its names are not"),
    maximumAge: duration(ageRule, 1000, 7 * 86_400_000)
      .transform(toMilliseconds)
      .prefault("8h")
      .describe("the session ends at this age"),
    restore: z
      .enum(["files", "never"], { error: "files or never" })
      .default("files")
      .describe(
        "files: a session whose cell is gone continues in a new one with the files of the last checkpoint; never: it ends",
      ),
    packages: strict(packageLists, "an object with any of python, npm")
      .optional()
      .describe("packages to install for the code of all calls; nothing of them is executed to install them"),
    labels,
    requester,
  },
  "an object with the fields of a session",
);

/** A session as a client writes it. */
export type SessionRequest = z.input<typeof sessionSchema>;
/** A session with every default applied; durations in milliseconds, cpu in millicores, memory and disk in bytes. */
export type SessionSpec = z.output<typeof sessionSchema>;

/**
 * Checks a session and applies the defaults.
 *
 * @throws KgentsError `invalid-request`, with the field's name, its value and what is allowed
 */
export const parseSession = (input: unknown): SessionSpec =>
  parseOrRefuse(sessionSchema, input, "invalid-request", "session");
