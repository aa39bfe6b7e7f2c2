/** Environments of a machine: with the real installers, and the index as this machine reaches it. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createEnvironments, type EnvironmentSettings } from "#cells/packages/environments";
import { holdTree } from "#cells/packages/hold";
import { environmentPaths } from "#cells/packages/paths";
import { kgentsPaths } from "#platform/host/paths";
import { freePort } from "../support/dev-server.ts";

const python = { ecosystem: "python", version: "3.13.1", platform: "x86_64-manylinux_2_28" } as const;
const npm = { ecosystem: "npm", version: "24.1.0", platform: "linux-x64-glibc" } as const;

let cache: string;
const logged: string[] = [];

/** The environments of this machine, as a worker with a policy has them. */
const environments = (policy: Partial<EnvironmentSettings["policy"]> = {}, cacheDirectory = cache) =>
  createEnvironments({
    cacheDirectory,
    policy: { maximumBytes: 2 ** 30, maximumCacheBytes: 2 ** 40, ...policy },
    log: (line) => logged.push(line),
  });
const prepare = (
  requirements: string[],
  runtime: typeof python | typeof npm = python,
  policy = {},
  directory = cache,
) => environments(policy, directory).prepare({ ...runtime, requirements }, runtime, AbortSignal.timeout(200_000));

async function newCache(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "kgents-environments-"));
  const tools = join(kgentsPaths().cache, "tools");
  await mkdir(tools, { recursive: true, mode: 0o700 });
  await symlink(tools, join(made, "tools"));
  return made;
}

/** Every file of a tree with its content. */
async function contentOf(hash: string, directory: string): Promise<Map<string, string>> {
  const root = environmentPaths(directory).tree(hash);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return new Map(
    await Promise.all(
      files.toSorted().map(async (path) => [path.slice(root.length), await readFile(path, "base64")] as const),
    ),
  );
}

beforeAll(async () => {
  cache = await newCache();
});
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rm(cache, { recursive: true, force: true }));

it("what is wanted several times at once is built once, and later without the index", async () => {
  logged.length = 0;
  const all = await Promise.all(Array.from({ length: 4 }, () => prepare(["six==1.16.0"])));
  expect(new Set(all.map(({ hash }) => hash)).size).toBe(1);
  expect(logged.filter((line) => line.startsWith("built"))).toHaveLength(1);
  vi.stubEnv("HTTPS_PROXY", `http://127.0.0.1:${await freePort()}`);
  expect(await prepare(["six==1.16.0"])).toEqual(all[0]);
});

describe.each([
  ["python", python, ["six==1.16.0", "idna==3.10"]],
  ["npm", npm, ["is-odd@3.0.1"]],
] as const)("of %s", (_name, runtime, requirements) => {
  it("the same lock gives the same tree on another machine", async () => {
    const other = await newCache();
    const one = await prepare([...requirements], runtime);
    const two = await prepare([...requirements].toReversed(), runtime, {}, other);
    expect(two).toEqual(one);
    const content = await contentOf(one.hash, cache);
    expect(content.size).toBeGreaterThan(3);
    expect(await contentOf(two.hash, other)).toEqual(content);
    await rm(other, { recursive: true, force: true });
  });
});

it.each([
  ["python", "nosuch-package-of-kgents", "package-not-found", "nosuch-package-of-kgents"],
  ["python", "six==0.0.1", "package-not-found", "six"],
  ["python", "docopt==0.6.2", "package-wheel-missing", "docopt"],
  ["python", "six==1.16.0,==1.15.0", "package-conflict", "six"],
  ["npm", "nosuch-package-of-kgents", "package-not-found", "nosuch-package-of-kgents"],
  ["npm", "is-odd@99", "package-not-found", "is-odd"],
] as const)("%s %s is refused as %s", async (ecosystem, requirement, code, name) => {
  const runtime = ecosystem === "python" ? python : npm;
  await expect(prepare([requirement], runtime)).rejects.toMatchObject({ code, message: expect.stringContaining(name) });
});

it("packages that exclude each other are refused in the installer's words", async () => {
  await expect(prepare(["requests==2.32.0", "urllib3<1.21"])).rejects.toMatchObject({
    code: "package-conflict",
    message: expect.stringMatching(/requests==2\.32\.0 depends on urllib3/),
  });
});

it("packages above the limit are refused, before or after they are unpacked, and leave nothing", async () => {
  const policy = { maximumBytes: 2 ** 20 };
  await expect(prepare(["numpy"], python, policy)).rejects.toMatchObject({ code: "package-too-large" });
  await expect(prepare(["typescript@5.9.2"], npm, policy)).rejects.toMatchObject({ code: "package-too-large" });
  expect(await readdir(environmentPaths(cache).drafts)).toEqual([]);
});

it.each([
  ["python", python, "colorama"],
  ["npm", npm, "is-number"],
] as const)("without its index %s fails as such", async (_name, runtime, requirement) => {
  const index = `http://127.0.0.1:${await freePort()}/`;
  await expect(prepare([requirement], runtime, { index, npmRegistry: index })).rejects.toMatchObject({
    code: "package-index-unavailable",
  });
});

it("the least recently used trees go at the limit, but none that is used", async () => {
  const paths = environmentPaths(cache);
  const [used, old] = [await prepare(["toml==0.10.2"]), await prepare(["iniconfig==2.0.0"])];
  const long = new Date(Date.now() - 86_400_000);
  for (const { hash } of [used, old]) await utimes(paths.record(hash), long, long);
  const held = await holdTree(cache, used.hash);
  await utimes(paths.record(used.hash), long, long);
  const { hash } = await prepare(["pluggy==1.5.0"], python, { maximumCacheBytes: 1 });
  expect([used, old, { hash }].map((each) => existsSync(paths.tree(each.hash)))).toEqual([true, false, true]);
  await expect(holdTree(cache, old.hash)).rejects.toMatchObject({ code: "package-install" });
  await held.release();
  await prepare(["packaging==24.0"], python, { maximumCacheBytes: 1 });
  expect(existsSync(paths.tree(used.hash))).toBe(false);
});
