import { execFile } from "node:child_process";

/** Runs a short-lived tool of the host and returns what it printed; rejects where it fails or takes too long. */
export function runTool(
  program: string,
  args: readonly string[],
  options: { timeout?: number; environment?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { timeout: options.timeout ?? 10_000, killSignal: "SIGKILL", env: options.environment, cwd: "/" },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const said = stderr.trim().split("\n").at(-1);
        reject(new Error(`${program}: ${said || error.message}`, { cause: error }));
      },
    );
    // A tool that ends without reading its input is judged by its exit code.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input ?? "");
  });
}
