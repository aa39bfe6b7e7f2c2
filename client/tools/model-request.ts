/**
 * The fields of a request that a language model may set: those about the code, each with the request's own limits.
 * Fields for the operator (images, labels, retries, the requester) are excluded, and all content is inline.
 *
 * @module
 */
import type { z } from "zod";
import { fileNameField, flag, inlineContent, list, strict, textContent, textLike } from "#core/contract/fields";
import { type ExecutionRequest, maximumFiles, requestSchema } from "#core/contract/request";

/** Maximum size of code, stdin or a file in a call, in bytes: one protocol message carries all of them. */
const maximumInlineBytes = 2 * 1024 * 1024;

const codeRule = "the code as well-formed text that is not empty, at most 2 MiB";
const filesRule = `at most ${maximumFiles} files { name, content, executable? }`;

const idRule = "1 to 100 letters, digits and . _ -, beginning with a letter or digit";

const { shape } = requestSchema;

/** The arguments of `run_code`. */
export const modelRequestSchema = strict(
  {
    code: textContent(maximumInlineBytes, codeRule)
      .refine((value) => value !== "", { error: codeRule })
      .describe("The program. It runs in an empty work directory of its own. Print the results that you need."),
    language: shape.language.describe(
      "A language or alias that list_languages returns: python (default), sh, bash, javascript, typescript.",
    ),
    args: shape.args.describe("Arguments of the program."),
    stdin: inlineContent("stdin", maximumInlineBytes)
      .optional()
      .describe('Standard input of the program: text, or { "base64": "..." }. Default: end of file.'),
    files: list(
      strict(
        {
          name: fileNameField().describe("Relative to the work directory."),
          content: inlineContent("content", maximumInlineBytes).describe('Text, or { "base64": "..." }.'),
          executable: flag().default(false).describe("Whether the program may execute the file. Default: false."),
        },
        filesRule,
      ),
      maximumFiles,
      filesRule,
    )
      .default([])
      .describe("Files placed in the work directory before the program starts."),
    outputs: shape.outputs.describe(
      'Globs of output files to return from the work directory, such as ["chart.png", "out/*.csv"]. All other files are deleted with the cell.',
    ),
    env: shape.env.describe("Environment variables of the program."),
    timeout: shape.timeout.describe(
      'Time limit of the program: seconds, or text such as "90s" or "5m"; from 0.1 s to 24 h. Default: 30 s.',
    ),
    cpu: shape.cpu.describe('Processor limit, such as "500m" (half a core) or 2. Default: 1.'),
    memory: shape.memory.describe('Memory limit, such as "256Mi". Default: "512Mi"; raise it for large data.'),
    disk: shape.disk.describe(
      'Limit of the space that the program may use on disk, such as "500Mi". Default: "100Mi".',
    ),
    network: shape.network.describe(
      "Whether the program may reach public internet addresses. Default: false; never private addresses.",
    ),
    id: textLike(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, idRule)
      .optional()
      .describe(
        "An id that you choose for the run. The same id with the same request does not start the program again: it returns the existing run.",
      ),
  },
  "an object with the fields of a run",
);

/** The arguments of `run_code` as a model writes them. */
export type ModelRequest = z.input<typeof modelRequestSchema>;

/** The name of a session, which a model chooses. */
export const sessionField = () => textLike(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, idRule);

/** The arguments of `run_code`: those of a run, and the session that it may take place in. */
export const modelCallSchema = strict(
  {
    ...modelRequestSchema.shape,
    session: sessionField()
      .optional()
      .describe(
        "Omit for a throw-away run; give any name to keep files between calls, and in python, javascript, typescript and bash also variables. The value of the last expression and figures are returned. args, env and stdin are not for those languages. Limits count for the call that begins the session.",
      ),
  },
  "an object with the fields of a run",
);

/** The arguments of `run_code` as a model writes them. */
export type ModelCall = z.input<typeof modelCallSchema>;

/** Creates the request of a call. It contains only the given fields, so the configuration's defaults apply. */
export function requestOfModel(
  { id: _id, session: _session, ...fields }: ModelCall,
  requester: string,
): ExecutionRequest {
  return { ...fields, requester };
}
