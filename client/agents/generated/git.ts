import { KgentsError } from "#core/contract/error";
import { findProgram, workingDirectory } from "#platform/host/find-program";
import { programEnvironment } from "#platform/host/program-environment";
import { lastLine, runProgram } from "#platform/host/run-program";

/** The variables by which git tells its hooks what they work on. */
const variables = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "XDG_CONFIG_HOME"];
const outputBytes = 16 * 1_048_576;

/**
 * Runs git in the working directory.
 *
 * @param input its standard input
 * @returns what it wrote to standard output
 * @throws KgentsError `tool-unavailable` without git, `invalid-request` with git's own words if it fails
 */
export async function git(args: readonly string[], input?: string): Promise<string> {
  const program = await findProgram("git");
  const directory = workingDirectory();
  if (program === undefined) throw new KgentsError("tool-unavailable", "git is not installed");
  if (directory === undefined) throw new KgentsError("invalid-request", "the working directory does not exist");
  const environment = await programEnvironment(process.env, variables);
  const ended = await runProgram(program, ["-C", directory, ...args], {
    environment,
    input,
    outputBytes,
    timeoutMilliseconds: 60_000,
  });
  if (ended.code === 0) return ended.stdout;
  throw new KgentsError("invalid-request", `git ${args[0]}: ${lastLine(ended.stderr)}`, {
    remedy: "Run this within a git working tree, and correct what git reports.",
  });
}
