/**
 * The building blocks of the request and configuration schemas. Each error message states what is allowed; `refusal`
 * prepends the field's name and the received value.
 *
 * `meta` describes custom checks for JSON Schema, as far as JSON Schema can express them. The patterns use neither
 * look-ahead nor `\p`, because validators in other languages do not support them.
 *
 * @module
 */
import { z } from "zod";
import { utf8Length } from "../text/bytes.ts";
import { durationShape, parseDuration } from "../text/duration.ts";
import { bytesShape, cpuShape, parseBytes, parseCpu } from "../text/quantity.ts";

const mebibyte = 2 ** 20;

/** Well-formed text: a lone surrogate cannot be encoded as UTF-8. */
export const text = (allowed: string) =>
  z.string({ error: allowed }).refine((value) => value.isWellFormed(), { error: allowed });

/** Text that matches a pattern. */
export const textLike = (pattern: RegExp, allowed: string) => text(allowed).regex(pattern, { error: allowed });

/** Text that can be passed to a process as an argument or an environment variable. */
export const processText = (maximumBytes: number, allowed: string) =>
  text(allowed)
    .refine((value) => !value.includes("\0") && utf8Length(value) <= maximumBytes, { error: allowed })
    .meta({ maxLength: maximumBytes, pattern: "^[^\\x00]*$" });

/** A boolean, without coercion. */
export const flag = () => z.boolean({ error: "true or false" });

/** A whole number with bounds. */
export const wholeNumber = (minimum: number, maximum: number) => {
  const error = `a whole number from ${minimum} to ${maximum}`;
  return z.int({ error }).min(minimum, { error }).max(maximum, { error });
};

/**
 * An object that rejects unknown fields. The message for an unknown field is the list of the known names: see
 * `refusal`.
 */
export const strict = <Shape extends z.core.$ZodLooseShape>(shape: Shape, allowed: string) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? Object.keys(shape).join(", ") : allowed),
  });

/** A list with a bound. */
export const list = <Item extends z.ZodType>(item: Item, maximum: number, allowed: string) =>
  z.array(item, { error: allowed }).max(maximum, { error: allowed });

/** A mapping from names to values, with a bound on their number. */
export const record = <Key extends z.ZodType<string, string>, Value extends z.ZodType>(
  key: Key,
  value: Value,
  maximum: number,
  allowed: string,
) =>
  z
    .record(key, value, { error: allowed })
    .refine((entries) => Object.keys(entries).length <= maximum, { error: allowed })
    .meta({ maxProperties: maximum });

/** Content as text. */
export const textContent = (maximumBytes: number, allowed: string) =>
  text(allowed).refine((value) => utf8Length(value) <= maximumBytes, { error: allowed });

const base64Content = (maximumBytes: number, allowed: string) =>
  strict(
    {
      base64: z
        .base64({ error: allowed })
        .refine((value) => (value.length / 4) * 3 <= maximumBytes + 2, { error: allowed }),
    },
    allowed,
  );

/** Content within the request itself: text, or bytes as base64. */
export const inlineContent = (name: string, maximumBytes: number) => {
  const allowed = `${name} as well-formed text, or as { "base64": "..." }, at most ${maximumBytes / mebibyte} MiB`;
  return z.union([textContent(maximumBytes, allowed), base64Content(maximumBytes, allowed)], { error: allowed });
};

/** Content in one of three forms: text, bytes as base64, or a reference into the artifact store. */
export const content = (name: string, maximumBytes: number) => {
  const allowed = `${name} as well-formed text, as { "base64": "..." }, or as { "artifact": sha256, "bytes": n }, at most ${maximumBytes / mebibyte} MiB`;
  return z.union(
    [
      textContent(maximumBytes, allowed),
      base64Content(maximumBytes, allowed),
      strict(
        {
          artifact: textLike(/^[0-9a-f]{64}$/, "a sha256 of 64 lower-case hexadecimal digits"),
          bytes: wholeNumber(0, maximumBytes),
        },
        allowed,
      ),
    ],
    { error: allowed },
  );
};

/** A quantity with bounds, in the notation of the input. Schemas that need the number add a transform. */
const bounded = (
  allowed: string,
  shape: RegExp,
  parse: (value: string | number) => number | undefined,
  minimum: number,
  maximum: number,
) => {
  const error = allowed;
  const scale = parse(1) ?? 1;
  const number = z
    .number({ error })
    .min(minimum / scale, { error })
    .max(maximum / scale, { error });
  return z.union([z.string({ error }).regex(shape, { error }), number], { error }).refine(
    (value) => {
      const parsed = parse(value);
      return parsed !== undefined && parsed >= minimum && parsed <= maximum;
    },
    { error },
  );
};

/** A duration with bounds in milliseconds. `toMilliseconds` converts it. */
export const duration = (allowed: string, minimum: number, maximum: number) =>
  bounded(allowed, durationShape, parseDuration, minimum, maximum);

// A value within its bounds always parses. The zero is for the type checker.
export const toMilliseconds = (value: string | number): number => parseDuration(value) ?? 0;
export const toMillicores = (value: string | number): number => parseCpu(value) ?? 0;
export const toBytes = (value: string | number): number => parseBytes(value) ?? 0;

/** The limits that requests, defaults and a worker's maxima share, in the notation of the input. */
export const limitFields = {
  timeout: duration('a duration from 0.1 s to 24 h, such as 30, "90s" or "5m"', 100, 86_400_000),
  startupTimeout: duration('a duration from 1 s to 1 h, such as 60 or "2m"', 1000, 3_600_000),
  cpu: bounded('a quantity from 10m to 256 cores, such as "200m" or 0.5', cpuShape, parseCpu, 10, 256_000),
  memory: bounded('a quantity from 16Mi to 1Ti, such as "256Mi"', bytesShape, parseBytes, 16 * mebibyte, 2 ** 40),
  disk: bounded('a quantity from 1Mi to 1Ti, such as "100Mi"', bytesShape, parseBytes, mebibyte, 2 ** 40),
  ttl: duration('a duration from 0 to 7 days, such as 60 or "10m"', 0, 7 * 86_400_000),
};

/**
 * The bounds of the artifact store, in the notation of the input. The smallest `maximumSize` holds the output of one
 * run.
 */
export const storeFields = {
  maximumSize: bounded(
    'a quantity from 512Mi to 1024Ti, such as "20Gi"',
    bytesShape,
    parseBytes,
    512 * mebibyte,
    2 ** 50,
  ),
  minimumFree: bounded('a quantity from 0 to 1024Ti, such as "1Gi"', bytesShape, parseBytes, 0, 2 ** 50),
};

/** The bounds of installed packages, in the notation of the input. */
export const packageFields = {
  maximumBytes: bounded('a quantity from 1Mi to 64Gi, such as "1Gi"', bytesShape, parseBytes, mebibyte, 2 ** 36),
  maximumCacheBytes: bounded('a quantity from 1Mi to 64Ti, such as "10Gi"', bytesShape, parseBytes, mebibyte, 2 ** 46),
};

/** The backend of a run, or `auto`. */
export const backendField = z.enum(["auto", "kubernetes", "subprocess"], { error: "auto, kubernetes or subprocess" });

/** The rule for file names, for error messages. */
export const fileNameRule =
  "a relative path of at most 255 bytes without `..`, empty parts, backslashes or control characters";

/**
 * Characters that a name must not contain. Written without `\u`, because Go and Python validators read it from the JSON
 * Schema.
 */
const controlCharacters = "\\x00-\\x1f\\x7f-\\x9f";
const pathPart = `[^/\\\\${controlCharacters}]+`;
const plainPath = new RegExp(`^${pathPart}(?:/${pathPart})*$`);
const dotPart = /(?:^|\/)\.\.?(?:\/|$)/;

/** Whether a name is valid for an input file: relative, inside the work directory, without control characters. */
export const isSafeFileName = (name: string): boolean =>
  name.isWellFormed() && utf8Length(name) <= 255 && plainPath.test(name) && !dotPart.test(name);

/** A path inside the work directory. */
export const pathField = (allowed: string) =>
  text(allowed)
    .refine(isSafeFileName, { error: allowed })
    .meta({ maxLength: 255, pattern: plainPath.source, not: { pattern: dotPart.source } });

/** The name of an input file. */
export const fileNameField = () => pathField(fileNameRule);

/** The rule for images, for error messages. */
export const imageRule = "an image reference with a tag or digest, not `latest`";

/** An image reference. `latest`, explicit or implied, is refused because the image behind it changes. */
export const imageReference =
  /^[a-z0-9]+(?:[._-][a-z0-9]+)*(?::\d+)?(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;
const saysLatest = /:latest\b/;
const hasVersion = /[:@][^/]*$/;

const isPinnedImage = (image: string): boolean =>
  image.length <= 255 && imageReference.test(image) && hasVersion.test(image) && !saysLatest.test(image);

/** A container image with a pinned version. */
export const imageField = () =>
  text(imageRule)
    .refine(isPinnedImage, { error: imageRule })
    .meta({
      maxLength: 255,
      allOf: [imageReference, hasVersion].map(({ source }) => ({ pattern: source })),
      not: { pattern: saysLatest.source },
    });
