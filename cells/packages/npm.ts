/**
 * Packages of npm: resolved and installed by npm, without their scripts.
 *
 * @module
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KgentsError } from "#core/contract/error";
import type { PackageRuntime, WantedPackages } from "#core/packages/environment";
import { npmTree } from "#core/packages/in-cell";
import { parseNpmSpec } from "#core/packages/npm-spec";
import { messageOf } from "#core/text/message-of";
import { once } from "#core/text/once";
import { shorten } from "#core/text/shorten";
import { lookForProgram } from "#platform/host/find-program";
import { programEnvironment } from "#platform/host/program-environment";
import { outputOf } from "#platform/host/run-program";
import type { InstallStep, PackageInstaller } from "./installer.ts";
import { npmFailure } from "./npm-failure.ts";
import { npmLockOf } from "./npm-lock.ts";
import { runInstaller } from "./run-installer.ts";
import { isAtLeast } from "./tool-version.ts";

/** The first npm that knows all options below: an older one would fetch packages from any address that they name. */
const oldestVersion = "11.14.0";

/** npm on PATH. @throws KgentsError `tool-unavailable` */
async function findNpm(): Promise<string> {
  const unavailable = (words: string, remedy: string): KgentsError =>
    new KgentsError("tool-unavailable", `packages of npm cannot be installed: ${words}`, { remedy });
  const { path, refused } = await lookForProgram("npm");
  if (path === undefined) {
    const words = ["there is no npm on the worker's PATH", ...refused].join("; ");
    throw unavailable(words, `Install Node with npm ${oldestVersion} or newer on the worker's machine.`);
  }
  const environment = await programEnvironment(process.env);
  const said = await outputOf(path, ["--version"], { environment }).catch((error: unknown) => messageOf(error));
  const version = /^(\d+\.\d+\.\d+)/.exec(said)?.[1];
  if (version !== undefined && isAtLeast(version, oldestVersion)) return path;
  const found = version === undefined ? `${path} does not say its version (${shorten(said, 200)})` : `npm ${version}`;
  throw unavailable(
    `${found}; it must be ${oldestVersion} or newer`,
    `Install npm ${oldestVersion} or newer on the worker's machine (\`npm install -g npm\`).`,
  );
}

const packageJson = (requirements: readonly string[]): string => {
  const dependencies = requirements.flatMap((requirement) => {
    const parsed = parseNpmSpec(requirement);
    return parsed ? [[parsed.name, parsed.range] as const] : [];
  });
  return JSON.stringify({ name: "packages", version: "1.0.0", dependencies: Object.fromEntries(dependencies) });
};

/** Runs npm in a directory with a package.json. */
async function runNpm(
  npm: string,
  { scratch, index, signal }: InstallStep,
  command: readonly string[],
  { platform }: PackageRuntime,
): Promise<void> {
  const [system = "", processor = "", libc = ""] = platform.split("-");
  const { code, stdout, stderr } = await runInstaller({
    kind: "npm",
    program: npm,
    args: [
      ...[...command, "--prefix", join(scratch, "project"), "--cache", join(scratch, "cache")],
      ...["--os", system, "--cpu", processor, "--libc", libc],
      // Nothing of a package is executed, and nothing comes from elsewhere than the registry. The lock is checked for
      // the same.
      ...[
        "--ignore-scripts",
        "--git",
        "false",
        "--allow-git",
        "none",
        "--allow-remote",
        "none",
        "--allow-file",
        "none",
      ],
      ...["--omit-lockfile-registry-resolved", "--no-audit", "--no-fund", "--no-update-notifier", "--json"],
      ...[
        "--loglevel",
        "error",
        "--fetch-retries",
        "2",
        "--fetch-retry-mintimeout",
        "1000",
        "--fetch-retry-maxtimeout",
      ],
      ...["5000", ...(index === undefined ? [] : ["--registry", index])],
    ],
    signal,
  });
  if (code !== 0) throw npmFailure(stdout, stderr);
}

/** Lays out the project of an installation. */
async function layOut({ scratch }: InstallStep, files: Readonly<Record<string, string>>): Promise<string> {
  const project = join(scratch, "project");
  await mkdir(project, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(project, name), content);
  return project;
}

/** Creates the installer of packages of npm. */
export function npmInstaller(): PackageInstaller {
  const npm = once(findNpm);
  return {
    resolve: async (step: InstallStep, { requirements }: WantedPackages, runtime) => {
      const project = await layOut(step, { "package.json": packageJson(requirements) });
      await runNpm(await npm(), step, ["install", "--package-lock-only"], runtime);
      return npmLockOf(await readFile(join(project, "package-lock.json"), "utf8"));
    },
    install: async (step, lock, runtime, directory) => {
      const { packages } = JSON.parse(lock) as { packages: Record<string, unknown> };
      const project = await layOut(step, { "package.json": JSON.stringify(packages[""]), "package-lock.json": lock });
      await runNpm(await npm(), step, ["ci"], runtime);
      await mkdir(join(project, npmTree), { recursive: true });
      await rename(join(project, npmTree), join(directory, npmTree));
    },
  };
}
