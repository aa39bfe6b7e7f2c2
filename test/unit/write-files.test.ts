/** Where output files are written: below the directory, whatever links exist there and whatever names a run uses. */
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSafeFolder } from "#client/cli/exec/safe-folder";
import { writeOutputFiles } from "#client/cli/exec/write-files";
import type { ExecutionResult, FileResult } from "#core/contract/result";

const workingDirectory = process.cwd();
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-write-"));
  await mkdir(join(directory, "precious"));
  await writeFile(join(directory, "precious/authorized_keys"), "mine");
  await mkdir(join(directory, "repository"));
  process.chdir(join(directory, "repository"));
});
afterEach(async () => {
  process.chdir(workingDirectory);
  await rm(directory, { recursive: true, force: true });
});

const fileOf = (name: string): FileResult => ({
  name,
  bytes: 6,
  sha256: "",
  ref: null,
  base64: Buffer.from("theirs").toString("base64"),
});

/** Writes files of these names like a command. Returns whether all were written. */
const write = (names: readonly string[], named?: string): Promise<boolean> => {
  const result: Pick<ExecutionResult, "files" | "filesOmitted"> = { files: names.map(fileOf), filesOmitted: [] };
  return writeOutputFiles(result, named, undefined, () => {});
};

const precious = (): Promise<string> => readFile(join(directory, "precious/authorized_keys"), "utf8");

describe("nothing is written through a link that nobody named", () => {
  it.each<[what: string, prepare: () => Promise<unknown>, name: string]>([
    ["the directory", () => symlink("../precious", "kgents-output"), "authorized_keys"],
    ["a directory that leads nowhere", () => symlink("../precious/new", "kgents-output"), "authorized_keys"],
    [
      "a folder in it",
      () => mkdir("kgents-output").then(() => symlink("../../precious", "kgents-output/d")),
      "d/authorized_keys",
    ],
    [
      "a folder far in it",
      () =>
        mkdir("kgents-output/a/b", { recursive: true }).then(() =>
          symlink("../../../../precious", "kgents-output/a/b/d"),
        ),
      "a/b/d/authorized_keys",
    ],
    [
      "a folder that leads nowhere",
      () => mkdir("kgents-output").then(() => symlink("../../precious/new", "kgents-output/d")),
      "d/x",
    ],
  ])("%s", async (_, prepare, name) => {
    await prepare();
    expect(await write([name])).toBe(false);
    expect(await readdir(join(directory, "precious"))).toEqual(["authorized_keys"]);
    expect(await precious()).toBe("mine");
  });

  it.each<[what: string, place: (target: string, path: string) => Promise<void>]>([
    ["a link in the place of a file", symlink],
    ["a hard link in the place of a file", link],
  ])("%s is replaced", async (_, place) => {
    await mkdir("kgents-output");
    await place(join(directory, "precious/authorized_keys"), "kgents-output/f");
    expect(await write(["f"])).toBe(true);
    expect([await readFile("kgents-output/f", "utf8"), await precious()]).toEqual(["theirs", "mine"]);
  });

  it("also where it comes while files are written", async () => {
    const folder = await openSafeFolder("kgents-output", false);
    const inner = await folder.folder("d");
    await rm("kgents-output", { recursive: true });
    await symlink("../precious", "kgents-output");
    await expect(inner.write("authorized_keys", Readable.from(["theirs"]))).rejects.toThrow("ENOENT");
    await Promise.all([inner.close(), folder.close()]);
    expect(await precious()).toBe("mine");
  });
});

it("a directory that was named may be a link, and what leads to it", async () => {
  await mkdir(join(directory, "real"));
  await symlink("../real", "to-real");
  expect(await write(["a/b"], "to-real")).toBe(true);
  expect(await write(["c"], "to-real/deep/er")).toBe(true);
  expect(await readFile(join(directory, "real/a/b"), "utf8")).toBe("theirs");
  expect(await readFile(join(directory, "real/deep/er/c"), "utf8")).toBe("theirs");
});

it.each([213, 214, 240, 255])("a name of %i bytes is written", async (bytes) => {
  const name = "n".repeat(bytes);
  expect(await write([name, `d/${name.slice(2)}`])).toBe(true);
  expect((await readdir("kgents-output")).sort()).toEqual(["d", name].sort());
  expect((await stat(join("kgents-output", name))).size).toBe(6);
});

it.each(["../x", "/x", "a/../../x", "a\\b", ""])("%j is no name", async (name) => {
  expect(await write([name, "good"])).toBe(false);
  expect(await readdir("kgents-output")).toEqual(["good"]);
});
