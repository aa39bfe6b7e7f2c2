/**
 * The request: what to run, with which limits. Every field has a bound and a default.
 *
 * @module
 */
import { z } from "zod";
import { npmRule, npmSpecPattern, parseNpmSpec } from "../packages/npm-spec.ts";
import {
  maximumRequirementLength,
  pythonPackageOf,
  pythonRequirementPattern,
  pythonRule,
} from "../packages/python-requirement.ts";
import {
  backendField,
  content,
  fileNameField,
  flag,
  imageField,
  limitFields,
  list,
  pathField,
  processText,
  record,
  strict,
  text,
  textLike,
  toBytes,
  toMillicores,
  toMilliseconds,
  wholeNumber,
} from "./fields.ts";
import { labelsField } from "./labels.ts";

export { isSafeFileName } from "./fields.ts";

/** The largest request, in bytes of JSON. Larger code, stdin or files are passed through the artifact store. */
export const maximumRequestBytes = 1024 * 1024;
/** The largest code, in bytes. */
export const maximumCodeBytes = 16 * 1024 * 1024;
/** The largest stdin and the largest single input file, in bytes. */
export const maximumContentBytes = 256 * 1024 * 1024;
/** The largest total size of input files, in bytes: the same as for output files. */
export const maximumFilesBytes = 256 * 1024 * 1024;
/** The maximum number of input files. The request lists each by name, so its size grows with them. */
export const maximumFiles = 256;

// Linux limits a single argument or variable to 128 KiB, and all of them together to about 2 MiB.
const maximumWordBytes = 32 * 1024;

const argsRule = "at most 256 strings of well-formed text, at most 32 KiB each, without NUL";
const envRule =
  "at most 128 variables, names of letters, digits and _, values of well-formed text, at most 32 KiB without NUL";
const outputsRule = "at most 64 globs relative to the work directory, without `..`";
const languageRule = "a language's name or alias, at most 32 characters";
const filesRule = `at most ${maximumFiles} files { name, content, executable? }`;
/** The maximum of `retry.maximumAttempts`. */
export const maximumStarts = 10;
const retryRule = `{ maximumAttempts: 1 to ${maximumStarts} }`;

/** The maximum number of packages that a request may name for each language. */
const maximumPackages = 64;
const isPythonRequirement = (text: string): boolean => pythonPackageOf(text) !== undefined;
const isNpmSpec = (text: string): boolean => parseNpmSpec(text) !== undefined;
const packagesRule = "an object with any of python, npm, inline";

const packagesField = (pattern: RegExp, rule: string, isOne: (text: string) => boolean) =>
  list(
    textLike(pattern, rule).max(maximumRequirementLength, { error: rule }).refine(isOne, { error: rule }),
    maximumPackages,
    `at most ${maximumPackages} packages`,
  );

/** The packages that a request or a session names. */
export const packageLists = {
  python: packagesField(pythonRequirementPattern, pythonRule, isPythonRequirement)
    .optional()
    .describe("packages of the Python index by PEP 508, such as pandas>=2"),
  npm: packagesField(npmSpecPattern, npmRule, isNpmSpec)
    .optional()
    .describe("packages of the npm registry, such as zod@^4"),
};

/** The schema of a request. */
export const requestSchema = strict(
  {
    code: content("code", maximumCodeBytes)
      .refine((value) => value !== "", { error: "code that is not empty" })
      .meta({ minLength: 1 })
      .optional()
      .describe("the code to run; alternatively, `files` and `entrypoint`"),
    files: list(
      strict(
        {
          name: fileNameField().describe("relative to the work directory"),
          content: content("content", maximumContentBytes).describe("text, or bytes as base64"),
          executable: flag().default(false),
        },
        filesRule,
      ),
      maximumFiles,
      filesRule,
    )
      .default([])
      .describe("files placed in the work directory before the code starts"),
    entrypoint: fileNameField().optional().describe("the file among `files` to run, if there is no `code`"),
    language: text(languageRule)
      .min(1, { error: languageRule })
      .max(32, { error: languageRule })
      .default("python")
      .describe("a language that the worker has, by name or alias: python, sh, bash, javascript, typescript"),
    args: list(processText(maximumWordBytes, argsRule), 256, argsRule).default([]).describe("arguments of the program"),
    stdin: content("stdin", maximumContentBytes)
      .optional()
      .describe("standard input of the code; if not set, the code reads end of file"),
    env: record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, { error: envRule }),
      processText(maximumWordBytes, envRule),
      128,
      envRule,
    )
      .default({})
      .describe("environment variables of the code, in addition to PATH, HOME, LANG and TMPDIR"),
    timeout: limitFields.timeout
      .transform(toMilliseconds)
      .prefault("30s")
      .describe("wall-clock time limit of the code, in seconds or with a unit, from 0.1 s to 24 h"),
    startupTimeout: limitFields.startupTimeout
      .transform(toMilliseconds)
      .prefault("60s")
      .describe(
        "time limit for scheduling and the image pull, from 1 s to 1 h; waiting for a slot or for quota does not count",
      ),
    cpu: limitFields.cpu
      .transform(toMillicores)
      .prefault("1")
      .describe("cpu limit, in cores or thousandths of a core (200m), from 10m to 256"),
    memory: limitFields.memory
      .transform(toBytes)
      .prefault("512Mi")
      .describe("memory limit, in bytes or with a unit, from 16Mi to 1Ti"),
    disk: limitFields.disk
      .transform(toBytes)
      .prefault("100Mi")
      .describe("limit of the space that the code may use on disk, in bytes or with a unit, from 1Mi to 1Ti"),
    network: flag().default(false).describe("whether the code may reach public addresses"),
    backend: backendField
      .default("auto")
      .describe("auto: the cluster if one is available, otherwise the sandbox (subprocess)"),
    fallback: flag().default(true).describe("whether auto may use the sandbox if no cluster is available"),
    image: imageField().optional().describe("the image on Kubernetes, instead of the language's own"),
    packages: strict(
      {
        ...packageLists,
        inline: flag()
          .optional()
          .describe("whether a block of PEP 723 in Python code adds the packages that it names; true by default"),
      },
      packagesRule,
    )
      .optional()
      .describe("packages to install for the code; nothing of them is executed to install them"),
    outputs: list(pathField(outputsRule), 64, outputsRule).default([]).describe("globs of the output files to return"),
    ttl: limitFields.ttl
      .transform(toMilliseconds)
      .prefault("60s")
      .describe("how long a finished Job stays in the cluster, in seconds or with a unit, at most 7 days"),
    labels: labelsField().default({}).describe("labels of the run, by the rules of Kubernetes labels"),
    requester: textLike(/^[\x20-\x7e]{1,128}$/, "1 to 128 printable ASCII characters")
      .optional()
      .describe("who requested the run, for search and accounting"),
    live: z
      .enum(["none", "heartbeat"], { error: "none or heartbeat" })
      .default("none")
      .describe("heartbeat: publish the newest output in heartbeats, for clients that cannot reach the artifact store"),
    retry: strict({ maximumAttempts: wholeNumber(1, maximumStarts).default(1) }, retryRule)
      .default({ maximumAttempts: 1 })
      .describe("code that did not succeed is started again, up to `maximumAttempts` starts in all"),
  },
  "an object with the fields of a request",
);

/** A request as a client writes it. */
export type ExecutionRequest = z.input<typeof requestSchema>;
/** A request with every default applied; durations in milliseconds, cpu in millicores, memory and disk in bytes. */
export type ExecutionSpec = z.output<typeof requestSchema>;
/** Content as text, base64, or a reference into the artifact store. */
export type Content = string | { base64: string } | { artifact: string; bytes: number };
