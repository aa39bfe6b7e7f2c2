/** Environments of a machine: with the real installers, and the index as this machine reaches it. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { EnvironmentSettings } from "#cells/packages/builder";
import { createEnvironments } from "#cells/packages/environments";
import { holdTree, takeLock } from "#cells/packages/hold";
import { environmentPaths } from "#cells/packages/paths";
import { noteDraft } from "#cells/packages/room";
import { kgentsPaths } from "#platform/host/paths";
import { readStateFile } from "#platform/host/state-file";
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

describe("at the limit of the cache", () => {
  let machine: string;
  beforeAll(async () => {
    machine = await newCache();
  });
  afterAll(() => rm(machine, { recursive: true, force: true }));
  const bytesOf = async (hash: string, directory: string): Promise<number> =>
    (await readStateFile(environmentPaths(directory).record(hash), { bytes: "number" }))?.bytes ?? Number.NaN;
  const on = (requirement: string, policy = {}) => prepare([requirement], python, policy, machine);
  const sizeOf = async (requirement: string) => bytesOf((await prepare([requirement])).hash, cache);

  it("the least recently used trees go, none that is used, and what has no room is refused", async () => {
    const paths = environmentPaths(machine);
    const [used, old] = [await on("toml==0.10.2"), await on("iniconfig==2.0.0")];
    const [pluggy, packaging] = [await sizeOf("pluggy==1.5.0"), await sizeOf("packaging==24.0")];
    const held = await holdTree(machine, used.hash);
    const long = new Date(Date.now() - 86_400_000);
    for (const { hash } of [used, old]) await utimes(paths.record(hash), long, long);
    const whole = (await bytesOf(used.hash, machine)) + pluggy;

    await expect(on("pluggy==1.5.0", { maximumCacheBytes: pluggy - 1 })).rejects.toMatchObject({
      code: "disk-full",
      remedy: expect.stringContaining("maximumCacheBytes"),
    });
    expect(await readdir(paths.drafts)).toEqual([]);
    const { hash } = await on("pluggy==1.5.0", { maximumCacheBytes: whole });
    expect([used, old, { hash }].map((each) => existsSync(paths.tree(each.hash)))).toEqual([true, false, true]);
    await expect(holdTree(machine, old.hash)).rejects.toMatchObject({ code: "package-install" });

    const room = { maximumCacheBytes: pluggy + packaging };
    await expect(on("packaging==24.0", room)).rejects.toMatchObject({ code: "disk-full" });
    await held.release();
    await utimes(paths.record(used.hash), long, long);
    await on("packaging==24.0", room);
    expect(existsSync(paths.tree(used.hash))).toBe(false);
  });

  it("no build begins where the trees and what is being built leave no room for it", async () => {
    const other = environmentPaths(machine).draft("other");
    await using _lock = await takeLock(environmentPaths(machine).lock("other"));
    await noteDraft(other, 2 ** 41);
    await expect(on("idna==3.10")).rejects.toMatchObject({ code: "disk-full" });
    await rm(other, { recursive: true, force: true });
  });
});
