/**
 * Checks across all input files: their total size, and conflicts between their names.
 *
 * @module
 */
import { utf8Length } from "../text/bytes.ts";
import { KgentsError } from "./error.ts";
import { describeValue, refuse } from "./refusal.ts";
import { type Content, type ExecutionSpec, maximumFilesBytes } from "./request.ts";

/** The length of content in bytes, computed without decoding or opening it. */
export function contentBytes(content: Content): number {
  if (typeof content === "string") return utf8Length(content);
  if ("artifact" in content) return content.bytes;
  const { base64 } = content;
  const padded = (base64.length / 4) * 3;
  if (base64.endsWith("==")) return padded - 2;
  return base64.endsWith("=") ? padded - 1 : padded;
}

/**
 * Checks that these files fit into one work directory.
 *
 * @param field the field to name in the error
 * @throws KgentsError `invalid-request`
 */
export function checkFileSet(
  files: readonly { readonly name: string; readonly bytes: number }[],
  field = "files",
): void {
  const invalid = (got: string, allowed: string): Error => refuse("invalid-request", field, got, allowed);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes > maximumFilesBytes) throw invalid(`${bytes} bytes of files`, `at most ${maximumFilesBytes} together`);
  const names = new Set<string>();
  for (const { name } of files) {
    if (names.has(name)) throw invalid(`${describeValue(name, false)} twice`, "each name once");
    names.add(name);
  }
  for (const { name } of files) {
    for (let end = name.lastIndexOf("/"); end > 0; end = name.lastIndexOf("/", end - 1)) {
      const folder = name.slice(0, end);
      if (names.has(folder)) throw invalid(`${describeValue(folder, false)} as a file and as a folder`, "one of them");
    }
  }
}

/**
 * Refuses code and input files that exceed the disk limit, before anything is started.
 *
 * @throws KgentsError `invalid-request`
 */
export function checkDisk({ code, files, disk }: ExecutionSpec): void {
  const bytes = files.reduce((sum, { content }) => sum + contentBytes(content), code ? contentBytes(code) : 0);
  if (bytes <= disk) return;
  throw new KgentsError("invalid-request", `disk: got ${disk} bytes; code and input files alone are ${bytes}`, {
    field: "disk",
    remedy: "Request more disk.",
  });
}
