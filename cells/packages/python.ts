/**
 * Packages of Python: resolved and installed by uv, from wheels only, so that nothing of them is executed.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PackageRuntime } from "#core/packages/environment";
import { pythonTree } from "#core/packages/in-cell";
import { once } from "#core/text/once";
import { type FindOptions, findPythonTools } from "./find-uv.ts";
import type { InstallStep, PackageInstaller } from "./installer.ts";
import { lockOf } from "./python-lock.ts";
import { refuseLarge } from "./refuse-large.ts";
import { runInstaller } from "./run-installer.ts";
import { startModule } from "./start-module.ts";
import { uvFailure } from "./uv-failure.ts";

function uvArguments(python: string, { scratch, index }: InstallStep, { version, platform }: PackageRuntime): string[] {
  return [
    ...["--python", python, "--python-version", version, "--python-platform", platform],
    ...["--only-binary", ":all:", "--no-python-downloads", "--color", "never", "--quiet"],
    ...["--cache-dir", join(scratch, "cache"), "--link-mode", "hardlink"],
    ...(index === undefined ? [] : ["--default-index", index]),
  ];
}

/** Creates the installer of packages of Python. */
export function pythonInstaller(options: FindOptions): PackageInstaller {
  const tools = once(() => findPythonTools(options));
  const runUv = async (
    step: InstallStep,
    runtime: PackageRuntime,
    args: readonly string[],
    input?: string,
  ): Promise<string> => {
    const { uv, python } = await tools();
    const { code, stdout, stderr } = await runInstaller({
      kind: "uv",
      program: uv,
      args: [...args, ...uvArguments(python, step, runtime)],
      input,
      signal: step.signal,
    });
    if (code !== 0) throw uvFailure(stderr);
    return stdout;
  };
  return {
    resolve: async (step, { requirements }, runtime) => {
      const args = ["pip", "compile", "-", "--format", "pylock.toml", "--no-header", "--no-annotate"];
      const lines = requirements.map((requirement) => `${requirement}\n`).join("");
      const lock = lockOf(await runUv(step, runtime, args, lines));
      refuseLarge(lock.downloadBytes, step.maximumBytes);
      return lock.text;
    },
    install: async (step, lock, runtime, directory) => {
      await startModule(join(directory, pythonTree.start));
      const packages = join(directory, pythonTree.packages);
      await mkdir(packages);
      // uv refuses an empty list.
      if (lock === "") return;
      const requirements = join(step.scratch, "requirements.txt");
      await writeFile(requirements, lock);
      const from = ["--requirements", requirements, "--require-hashes", "--no-deps"];
      await runUv(step, runtime, ["pip", "install", "--target", packages, ...from]);
    },
  };
}
