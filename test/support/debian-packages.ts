/** The Debian packages that tests need. Detected by their programs and files; installed by apt, only as root. */
import { execFileSync } from "node:child_process";
import { accessSync, constants, globSync } from "node:fs";
import { delimiter, join } from "node:path";

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether a program is on PATH, or a file exists. */
export const isPresent = (name: string): boolean =>
  name.startsWith("/")
    ? globSync(name).length > 0
    : [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"].some((directory) =>
        isProgram(join(directory, name)),
      );

/**
 * The packages that are missing.
 *
 * @param needed programs, or paths of files (which may be patterns), each with the package that contains it
 */
export const missingPackages = (needed: Readonly<Record<string, string>>): string[] => [
  ...new Set(
    Object.entries(needed)
      .filter(([name]) => !isPresent(name))
      .map(([, name]) => name),
  ),
];

/** Installs packages as root. */
export function installPackages(names: readonly string[]): void {
  for (const args of [
    ["update", "-qq"],
    ["install", "-qq", "-y", "--no-install-recommends", ...names],
  ]) {
    execFileSync("apt-get", args, {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  }
}
