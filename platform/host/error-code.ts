/** The `code` of a system error (`ENOENT`, `EEXIST`, ...); undefined where there is none. */
export const errorCode = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;

/** The system's error code, from the error or one of its causes. Node's own codes (`ERR_...`) do not count. */
export function systemCodeOf(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    const code = errorCode(each);
    if (code !== undefined && /^E(?!RR_)[A-Z0-9_]+$/.test(code)) return code;
  }
  return undefined;
}

/** Whether an error says that a file or folder does not exist. */
export const isMissing = (error: unknown): boolean => errorCode(error) === "ENOENT";
