/**
 * The request: what to run, with which limits. Every field has a bound and a default.
 *
 * @module
 */
import { z } from "zod";
import { parseDuration } from "./duration.ts";
import { parseBytes, parseCpu } from "./quantity.ts";

/** The largest request that travels inline, in bytes of JSON; larger code, stdin or files go by the artifact store. */
export const maximumRequestBytes = 1024 * 1024;
/** The largest code, in bytes. */
export const maximumCodeBytes = 16 * 1024 * 1024;
/** The largest stdin and the largest single input file, in bytes. */
export const maximumContentBytes = 256 * 1024 * 1024;

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;

/** A refinement that says what is allowed; the parser adds the field's name and what came. */
const text = (allowed: string) => z.string({ error: allowed });

const withoutNul = (value: string): boolean => !value.includes("\0");

/** Content in one of three forms: text, bytes as base64, or a reference into the artifact store. */
const content = (name: string, maximumBytes: number) => {
  const allowed = `${name} as text, as { "base64": "..." }, or as { "artifact": sha256, "bytes": n }, at most ${maximumBytes / mebibyte} MiB`;
  return z.union(
    [
      z.string().refine((value) => Buffer.byteLength(value) <= maximumBytes, { error: allowed }),
      z.strictObject({
        base64: z.base64().refine((value) => (value.length / 4) * 3 <= maximumBytes + 2, { error: allowed }),
      }),
      z.strictObject({
        artifact: z.string().regex(/^[0-9a-f]{64}$/),
        bytes: z.int().min(0).max(maximumBytes),
      }),
    ],
    { error: allowed },
  );
};

/** A duration with bounds, in; milliseconds, out. */
const duration = (allowed: string, minimum: number, maximum: number) =>
  z.union([z.string(), z.number()], { error: allowed }).transform((value, context) => {
    const milliseconds = parseDuration(value);
    if (milliseconds !== undefined && milliseconds >= minimum && milliseconds <= maximum) return milliseconds;
    context.addIssue({ code: "custom", message: allowed, input: value });
    return z.NEVER;
  });

const quantity = (
  allowed: string,
  parse: (value: string | number) => number | undefined,
  minimum: number,
  maximum: number,
) =>
  z.union([z.string(), z.number()], { error: allowed }).transform((value, context) => {
    const parsed = parse(value);
    if (parsed !== undefined && parsed >= minimum && parsed <= maximum) return parsed;
    context.addIssue({ code: "custom", message: allowed, input: value });
    return z.NEVER;
  });

const fileNameRule = "a relative path of at most 255 bytes without `..`, empty parts, backslashes or control characters";

/** Whether a name may be given to an input file: relative, inside the work directory, printable. */
export const isSafeFileName = (name: string): boolean =>
  name.length > 0 &&
  Buffer.byteLength(name) <= 255 &&
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  !/[\u0000-\u001f\u007f\\]/.test(name) &&
  name.split("/").every((part) => part !== "" && part !== "." && part !== "..");

const labelKeyRule = "a label as Kubernetes has it: an optional DNS prefix and `/`, then at most 63 of A-Z a-z 0-9 - _ .";
const labelKey = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

/** An image reference; `latest`, said or meant, is refused because it is a different program every week. */
const imageReference =
  /^(?=.{1,255}$)[a-z0-9]+(?:[._-][a-z0-9]+)*(?::\d+)?(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*(?::(?!latest\b)[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

const hasPinnedVersion = (image: string): boolean => {
  const lastPart = image.slice(image.lastIndexOf("/") + 1);
  return lastPart.includes(":") || lastPart.includes("@");
};

const list = <T extends z.ZodType>(item: T, maximum: number, allowed: string) =>
  z.array(item, { error: allowed }).max(maximum, { error: allowed });

const record = <K extends z.ZodType<string, string>, V extends z.ZodType>(key: K, value: V, maximum: number, allowed: string) =>
  z
    .record(key, value, { error: allowed })
    .refine((entries) => Object.keys(entries).length <= maximum, { error: allowed });

const argsRule = "at most 256 strings of at most 32 KiB each, without NUL";
const envRule = "at most 128 variables, names of letters, digits and _, values of at most 32 KiB without NUL";
const outputsRule = "at most 64 globs relative to the work directory, without `..`";
const labelsRule = `at most 32 labels; each ${labelKeyRule}, with a value of at most 63 such characters`;

/** The schema of a request. */
export const requestSchema = z.strictObject({
  code: content("code", maximumCodeBytes)
    .refine((value) => value !== "", { error: "code that is not empty" })
    .optional()
    .describe("the code to run; or give `files` and `entrypoint`"),
  files: list(
    z.strictObject({
      name: text(fileNameRule).refine(isSafeFileName, { error: fileNameRule }),
      content: content("content", maximumContentBytes),
      executable: z.boolean().default(false),
    }),
    256,
    "at most 256 files { name, content }",
  )
    .default([])
    .describe("files placed in the work directory before the code starts"),
  entrypoint: text(fileNameRule)
    .refine(isSafeFileName, { error: fileNameRule })
    .optional()
    .describe("the file among `files` to run, where there is no `code`"),
  language: text("a language's name or alias")
    .min(1, { error: "a language's name or alias" })
    .max(32, { error: "a language's name or alias, at most 32 characters" })
    .default("python"),
  args: list(text(argsRule).max(32_768, { error: argsRule }).refine(withoutNul, { error: argsRule }), 256, argsRule)
    .default([])
    .describe("arguments of the program"),
  stdin: content("stdin", maximumContentBytes).optional().describe("without it the code reads end of file"),
  env: record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, { error: envRule }),
    text(envRule).max(32_768, { error: envRule }).refine(withoutNul, { error: envRule }),
    128,
    envRule,
  )
    .default({})
    .describe("the environment of the code, beside PATH, HOME, LANG and TMPDIR"),
  timeout: duration('a duration from 0.1 s to 24 h, such as 30, "90s" or "5m"', 100, 86_400_000)
    .default(30_000)
    .describe("wall-clock time of the code, in seconds or with a unit"),
  startupTimeout: duration('a duration from 1 s to 1 h, such as 60 or "2m"', 1000, 3_600_000)
    .default(60_000)
    .describe("time for scheduling and the image; waiting at kgents' own limits does not count"),
  cpu: quantity('a quantity from 10m to 256 cores, such as "200m" or 0.5', parseCpu, 10, 256_000)
    .default(100)
    .describe("limit, in cores"),
  memory: quantity('a quantity from 16Mi to 1Ti, such as "256Mi"', parseBytes, 16 * mebibyte, 1024 * gibibyte)
    .default(128 * mebibyte)
    .describe("limit, in bytes"),
  disk: quantity('a quantity from 1Mi to 1Ti, such as "100Mi"', parseBytes, mebibyte, 1024 * gibibyte)
    .default(100 * mebibyte)
    .describe("limit of what the code may write, in bytes"),
  network: z.boolean({ error: "true or false" }).default(false).describe("whether the code may reach public addresses"),
  backend: z
    .enum(["auto", "kubernetes", "subprocess"], { error: "auto, kubernetes or subprocess" })
    .default("auto"),
  fallback: z
    .boolean({ error: "true or false" })
    .default(true)
    .describe("whether auto may use the sandbox where there is no cluster"),
  image: text("an image reference with a tag or digest, not `latest`")
    .refine((value) => imageReference.test(value) && hasPinnedVersion(value), {
      error: "an image reference with a tag or digest, not `latest`",
    })
    .optional()
    .describe("the image on Kubernetes, instead of the language's own"),
  outputs: list(
    text(outputsRule)
      .min(1, { error: outputsRule })
      .max(255, { error: outputsRule })
      .refine((value) => isSafeFileName(value), { error: outputsRule }),
    64,
    outputsRule,
  )
    .default([])
    .describe("globs of the files to bring back"),
  ttl: duration('a duration from 0 to 7 days, such as 60 or "10m"', 0, 7 * 86_400_000)
    .default(60_000)
    .describe("how long a finished Job stays in the cluster"),
  labels: record(
    z.string().regex(labelKey, { error: labelsRule }),
    text(labelsRule).regex(labelValue, { error: labelsRule }),
    32,
    labelsRule,
  ).default({}),
  requester: text("at most 128 printable characters")
    .regex(/^[\x20-\x7e]{1,128}$/, { error: "1 to 128 printable ASCII characters" })
    .optional()
    .describe("who asks, for search and accounting"),
  live: z
    .enum(["none", "heartbeat"], { error: "none or heartbeat" })
    .default("none")
    .describe("heartbeat: publish a window of the newest output for clients that cannot reach the artifact store"),
  retry: z
    .strictObject(
      {
        maximumAttempts: z.int({ error: "a whole number from 1 to 10" }).min(1, { error: "a whole number from 1 to 10" }).max(10, { error: "a whole number from 1 to 10" }).default(1),
      },
      { error: "{ maximumAttempts: 1 to 10 }" },
    )
    .default({ maximumAttempts: 1 })
    .describe("code that did not succeed is started again, where this is above 1"),
});

/** A request as a client writes it. */
export type ExecutionRequest = z.input<typeof requestSchema>;
/** A request with every default applied; durations in milliseconds, cpu in millicores, memory and disk in bytes. */
export type ExecutionSpec = z.output<typeof requestSchema>;
/** Content as text, base64, or a reference into the artifact store. */
export type Content = string | { base64: string } | { artifact: string; bytes: number };
