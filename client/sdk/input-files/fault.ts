import { KgentsError } from "#core/contract/error";
import { errorCode } from "#platform/host/error-code";

/** Descriptions of system errors about a path. */
const faults: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "this user may not read it",
  EISDIR: "it is a directory, not a file",
  ENOTDIR: "a part of the path is not a directory",
  ELOOP: "it is a symbolic link",
};

/** Converts a system error about a path, or about one below it, to an error of a field. */
export function faultOf(error: unknown, path: string, field: string): KgentsError {
  if (error instanceof KgentsError) return error;
  const { message, path: below } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  const what = faults[errorCode(error) ?? ""] ?? message ?? String(error);
  return new KgentsError("invalid-request", `${field}: ${below ?? path}: ${what}`, { field, cause: error });
}
