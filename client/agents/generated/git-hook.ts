/**
 * Installs the git hook that checks generated Agents before a commit.
 *
 * @module
 */
import { chmod, lstat, mkdir, readFile, realpath, writeFile } from "node:fs/promises";
import { isAbsolute, join, posix, relative, resolve } from "node:path";
import { KgentsError } from "#core/contract/error";
import { isMissing } from "#platform/host/error-code";
import { git } from "./git.ts";
import { type CheckedDirectories, type HookRefusal, withBlock } from "./hook-script.ts";

const refusals: Readonly<Record<HookRefusal, string>> = {
  "not-a-shell-script": "it is not a shell script",
  "damaged-block": "only one of the two lines is left that mark the block of kgents",
};

const refuse = (path: string, why: string): KgentsError =>
  new KgentsError("invalid-request", `${path} is not changed: ${why}`, {
    remedy: "Call `kgents infra generate --check --staged` with your directories from it yourself.",
  });

/** Whether a path is a directory or in it. */
function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way === "" || (!way.startsWith("..") && !isAbsolute(way));
}

/** The hook's text; undefined if there is none. @throws KgentsError if it is not a plain file */
async function readHook(path: string): Promise<string | undefined> {
  try {
    if (!(await lstat(path)).isFile()) throw refuse(path, "it is not a plain file");
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

const existingPath = (path: string): Promise<string> => realpath(path).catch(() => path);

/** The directory of hooks, as git finds it: `core.hooksPath` and linked working trees count. */
async function hooksDirectory(): Promise<string> {
  const answer = await git(["rev-parse", "--git-path", "hooks", "--git-common-dir", "--show-toplevel"]);
  const [hooks = "", common = "", top = ""] = await Promise.all(
    answer
      .trimEnd()
      .split("\n")
      .map((path) => existingPath(resolve(path))),
  );
  if (isWithin(hooks, common) || isWithin(hooks, top)) return hooks;
  throw refuse(
    join(hooks, "pre-commit"),
    "core.hooksPath names a directory outside of this repository, which others may use, too",
  );
}

/** What was done. */
export interface InstalledHook {
  readonly path: string;
  readonly action: "created" | "changed" | "unchanged";
}

/**
 * Installs the hook, or brings its block up to date.
 *
 * @param directories relative to the working directory
 * @throws KgentsError `invalid-request` where the hook is something that kgents does not know
 */
export async function installHook(directories: CheckedDirectories): Promise<InstalledHook> {
  const prefix = (await git(["rev-parse", "--show-prefix"])).trim();
  const fromTop = (name: string, path: string): string => {
    const joined = posix.join(prefix, path);
    if (!isAbsolute(path) && !joined.startsWith("..")) return joined;
    throw new KgentsError("invalid-request", `${name}: got ${path}; allowed is a directory of this repository`, {
      field: name,
    });
  };
  const path = join(await hooksDirectory(), "pre-commit");
  const existing = await readHook(path);
  const hook = withBlock(existing, {
    specDirectory: fromTop("--spec-dir", directories.specDirectory),
    output: fromTop("--output", directories.output),
  });
  if ("refused" in hook) throw refuse(path, refusals[hook.refused]);
  if (hook.text === existing) return { path, action: "unchanged" };
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, hook.text);
  await chmod(path, 0o755);
  return { path, action: existing === undefined ? "created" : "changed" };
}
