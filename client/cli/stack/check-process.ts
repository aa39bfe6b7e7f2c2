import { isUtf8 } from "node:buffer";
import { readFileSync, readlinkSync } from "node:fs";
import { KgentsError } from "#core/contract/error";
import { errorCode } from "#platform/host/error-code";

/** The directory this process was started in, even if it has been deleted; undefined if it is unknown. */
function lastWorkingDirectory(): string | undefined {
  try {
    return readlinkSync("/proc/self/cwd").replace(/ \(deleted\)$/, "");
  } catch {
    return process.env.PWD;
  }
}

function checkWorkingDirectory(): void {
  try {
    process.cwd();
  } catch (error) {
    const name = lastWorkingDirectory();
    const which = name === undefined ? "the working directory" : `the working directory ${name}`;
    const what = errorCode(error) === "ENOENT" ? "was deleted" : `cannot be used: ${String(error)}`;
    throw new KgentsError("system-error", `${which} ${what}`, { cause: error, remedy: "Change to another directory." });
  }
}

/** The raw bytes of the arguments; undefined without /proc. */
function argumentBytes(count: number): Buffer[] | undefined {
  try {
    const bytes = readFileSync("/proc/self/cmdline");
    const words: Buffer[] = [];
    for (let start = 0, end = bytes.indexOf(0); end >= 0; start = end + 1, end = bytes.indexOf(0, start)) {
      words.push(bytes.subarray(start, end));
    }
    return count === 0 ? [] : words.slice(-count);
  } catch {
    return undefined;
  }
}

/** Node replaces bytes that are not UTF-8 by U+FFFD, so other code than the given one would run. */
function checkEncoding(args: readonly string[]): void {
  if (!args.some((word) => word.includes("\u{fffd}"))) return;
  const bad = argumentBytes(args.length)?.findIndex((word) => !isUtf8(word)) ?? -1;
  if (bad < 0) return;
  const flag = /^--?[a-z][a-z-]*/.exec(args[bad] ?? "")?.[0] ?? /^--?[a-z][a-z-]*$/.exec(args[bad - 1] ?? "")?.[0];
  const field = flag ?? `argument ${bad + 1}`;
  throw new KgentsError("invalid-request", `${field}: got bytes that are not UTF-8; allowed is UTF-8`, {
    field,
    remedy:
      "Pass code with --file FILE or on standard input, and input with --stdin FILE or --input FILE: these may contain any bytes.",
  });
}

/**
 * Checks what every command needs: a working directory, and arguments that arrived unchanged.
 *
 * @param args the arguments of the command line
 * @throws KgentsError `system-error`, `invalid-request`
 */
export function checkProcess(args: readonly string[]): void {
  checkWorkingDirectory();
  checkEncoding(args);
}
