/** A cache of directories that are expensive to build, keyed by their sources. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { kgentsPaths } from "#platform/host/paths";
import { acquireLock } from "#platform/host/process-lock";

/** Outside the checkout. */
const cacheDirectory = join(dirname(kgentsPaths().cache), "kgents-test");

/** A cold build of the node takes minutes, and other processes wait for it. */
const buildMilliseconds = 1_800_000;

/** The hash of files (also in directories) and texts, by their names and contents. */
export async function contentKey(files: readonly string[], texts: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) hash.update(await contentOf(file));
  for (const text of texts) hash.update(`${text.length}:${text}`);
  return hash.digest("hex").slice(0, 16);
}

async function contentOf(path: string): Promise<Buffer> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true }).catch(() => undefined);
  if (entries === undefined) return readFile(path);
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const contents = files.map(async (file) => [`${file.slice(path.length)}\0`, await readFile(file)] as const);
  return Buffer.concat((await Promise.all(contents)).flatMap(([name, content]) => [Buffer.from(name), content]));
}

/** The directory for a key. One process builds it while others wait, and it is never visible half built. */
export async function cached(key: string, make: (directory: string) => Promise<void>): Promise<string> {
  const directory = join(cacheDirectory, key);
  const exists = () =>
    readdir(directory).then(
      () => true,
      () => false,
    );
  if (await exists()) return directory;
  await using _lock = await acquireLock(`${directory}.lock`, { waitMilliseconds: buildMilliseconds });
  if (await exists()) return directory;
  await mkdir(cacheDirectory, { recursive: true });
  const draft = await mkdtemp(`${directory}.draft-`);
  try {
    await make(draft);
    await rename(draft, directory);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return directory;
}
