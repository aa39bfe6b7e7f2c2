/** The libraries that programs need, read from their files. */
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isTooWide } from "#cells/subprocess/interpreters/bindable";
import { readElf } from "#cells/subprocess/interpreters/elf";
import { foreignLibraries } from "#cells/subprocess/interpreters/libraries";
import { parseLibraryCache } from "#cells/subprocess/interpreters/library-cache";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-elf-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test("a program's needs are those that its loader finds", async () => {
  for (const program of [process.execPath, "/bin/sh", "/usr/bin/env"]) {
    const printed = execFileSync("/usr/bin/ldd", [program], { encoding: "utf8" });
    // Indirectly linked libraries are included.
    const loaded = [...printed.matchAll(/^\s*(\S+)/gm)].map(([, name = ""]) => basename(name));
    const elf = await readElf(program);
    expect(elf?.needed.length).toBeGreaterThan(0);
    expect(loaded).toEqual(expect.arrayContaining([...(elf?.needed ?? [])]));
    expect(await foreignLibraries(program)).toEqual([]);
  }
});

test("a library beside the program is found by $ORIGIN, and one that is nowhere is named", async () => {
  const own = join(directory, "env");
  const bytes = await readFile("/usr/bin/env");
  // A real file whose library has another name: a path, and a name that does not exist.
  const at = bytes.indexOf("libc.so.6\0");
  await writeFile(own, Buffer.concat([bytes.subarray(0, at), Buffer.from("libq.so.6"), bytes.subarray(at + 9)]));
  await expect(foreignLibraries(own)).rejects.toThrow(`${own} needs libq.so.6, which is neither`);
});

test("what is no ELF file, and what is a broken one, needs nothing, whatever stands in it", async () => {
  const bytes = (await readFile("/usr/bin/env")).subarray(0, 4096);
  const path = join(directory, "broken");
  const broken = [
    Buffer.alloc(0),
    Buffer.from("#!/bin/sh\n"),
    ...Array.from({ length: 64 }, (_, at) => bytes.subarray(0, at)),
    ...Array.from({ length: 200 }, (_, round) => {
      const copy = Buffer.from(bytes);
      for (let at = 0; at < 16; at += 1) copy[(round * 7 + at * 13) % 512] = (round * 31 + at * 17) % 256;
      return copy;
    }),
    // Headers of 65,535 entries of 65,535 bytes, at the end of the largest file.
    Buffer.concat([bytes.subarray(0, 32), Buffer.alloc(32, 0xff)]),
  ];
  for (const content of broken) {
    await writeFile(path, content);
    const elf = await readElf(path);
    expect(elf === undefined || elf.needed.every((name) => typeof name === "string")).toBe(true);
  }
  expect(await readElf(directory)).toBeUndefined();
  expect(await readElf(join(directory, "none"))).toBeUndefined();
  expect(await foreignLibraries("/etc/passwd")).toEqual([]);
});

test("the loader's cache says where the system's libraries are", async () => {
  const cache = parseLibraryCache(await readFile("/etc/ld.so.cache"));
  const printed = execFileSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" });
  const lines = [...printed.matchAll(/^\t(\S+) \(.*\) => (\/.*)$/gm)];
  expect(lines.length).toBeGreaterThan(10);
  for (const [, name = "", path] of lines) expect(cache?.get(name)).toContain(path);
  expect(parseLibraryCache(Buffer.from("ld.so-1.7.0"))).toBeUndefined();
});

describe("what is too wide to be shown", () => {
  const home = process.env.HOME ?? "/root";
  const environment = { HOME: home, XDG_STATE_HOME: "/srv/state", XDG_DATA_HOME: "/data/mine" };
  test.each([
    ...["/", "/home", "/opt", "/tmp", home, `${home}/.local`, `${home}/.pyenv`, `${home}/.ssh`, `${home}/lib`],
    ...[`${home}/.local/share`, `${home}/.local/state`, `${home}/.config`, `${home}/.cache`],
    ...["/srv/state", "/srv/state/kgents", "/srv/state/kgents/artifacts", "/srv", "/data", "/data/mine"],
    ...[`${home}/.config/kgents`, `${home}/.cache/kgents/tools`],
  ])("%s", (path) => expect(isTooWide(path, environment)).toBe(true));
  test.each([
    ...[
      "/usr/local/lib",
      "/opt/python/lib",
      `${home}/.local/lib`,
      `${home}/.pyenv/versions`,
      `${home}/project/.venv/lib`,
    ],
    ...[`${home}/.local/share/uv/python/cpython-3.13/lib`, "/srv/other", "/data/other"],
  ])("%s is not", (path) => expect(isTooWide(path, environment)).toBe(false));
});
