import { utf8Length } from "../text/bytes.ts";
import { checkFileSet, contentBytes } from "./file-set.ts";
import { describeValue, parseOrRefuse, refuse } from "./refusal.ts";
import { type ExecutionSpec, maximumRequestBytes, requestSchema } from "./request.ts";

const invalid = (field: string, got: string, allowed: string): Error => refuse("invalid-request", field, got, allowed);

/**
 * The checks across fields: either `code` or `entrypoint` is set, the entrypoint exists, and the files fit together.
 */
function checkFiles({ code, entrypoint, files }: ExecutionSpec): void {
  if (code === undefined && entrypoint === undefined) {
    throw invalid("code", "nothing", "code, or files with an entrypoint");
  }
  if (code !== undefined && entrypoint !== undefined) {
    throw invalid("entrypoint", "both code and entrypoint", "one of them");
  }
  if (entrypoint !== undefined && !files.some(({ name }) => name === entrypoint)) {
    throw invalid("entrypoint", describeValue(entrypoint, false), "the name of one of the files");
  }
  checkFileSet(files.map(({ name, content }) => ({ name, bytes: contentBytes(content) })));
}

/**
 * Checks a request and applies the defaults, without a limit on its JSON size. A client calls it before it moves large
 * contents to the artifact store.
 *
 * @throws KgentsError `invalid-request`, with the field's name, its value and what is allowed
 */
export function validateRequest(input: unknown): ExecutionSpec {
  const spec = parseOrRefuse(requestSchema, input, "invalid-request", "request");
  checkFiles(spec);
  return spec;
}

/**
 * Checks a request as a workflow receives it: as `validateRequest` does, and that it is at most 1 MiB of JSON.
 *
 * @throws KgentsError `invalid-request`, with the field's name, its value and what is allowed
 */
export function parseRequest(input: unknown): ExecutionSpec {
  const spec = validateRequest(input);
  const bytes = utf8Length(JSON.stringify(input));
  if (bytes > maximumRequestBytes) {
    const allowed = `${maximumRequestBytes}; larger code, stdin and files must be in the artifact store`;
    throw invalid("request", `${bytes} bytes of JSON`, allowed);
  }
  return spec;
}
