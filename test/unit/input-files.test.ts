/** Local files and folders as input files: which are included, in which order, and what is rejected before reading. */
import { execFileSync } from "node:child_process";
import { appendFile, chmod, mkdir, mkdtemp, open, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesFrom } from "#client/index";
import { type FileSource, findFiles } from "#client/sdk/input-files/find-files";
import { readFiles } from "#client/sdk/input-files/read-files";
import { KgentsError } from "#core/contract/error";
import { validateRequest } from "#core/contract/parse-request";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kgents-inputs-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (...parts: string[]): string => [folder, ...parts].join("/");

/** Writes files below the folder, each with its name as content. */
async function put(...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(at(name)), { recursive: true });
    await writeFile(at(name), name);
  }
}

const namesFrom = async (...sources: FileSource[]): Promise<string[]> =>
  (await findFiles(sources, "--input")).map(({ name }) => name);

async function refusalOf(promise: Promise<unknown>): Promise<KgentsError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KgentsError);
  expect(error).toMatchObject({ code: "invalid-request" });
  return error as KgentsError;
}

/** Acts as another user if the tests run as root, for whom every file is readable. */
async function asNobody<Value>(act: () => Promise<Value>): Promise<Value> {
  if (process.geteuid?.() !== 0) return act();
  process.seteuid?.(65_534);
  try {
    return await act();
  } finally {
    process.seteuid?.(0);
  }
}

describe("a folder", () => {
  it.each<[name: string, path: string, place: string | undefined, files: string[]]>([
    ["under its own name", "p", undefined, ["p/.hidden", "p/B", "p/a", "p/sub/.git/x", "p/sub/z"]],
    ["with a slash at its end, too", "p/", undefined, ["p/.hidden", "p/B", "p/a", "p/sub/.git/x", "p/sub/z"]],
    ["under another name", "p/sub", "other/name", ["other/name/.git/x", "other/name/z"]],
    ["under another name with a slash", "p/sub", "other/", ["other/.git/x", "other/z"]],
    ["what is in it, as DIR/.", "p/sub/.", undefined, [".git/x", "z"]],
    ["what is in it, as DIR/./", "p/sub/./", undefined, [".git/x", "z"]],
    ["what is in it, as DIR:.", "p/sub", ".", [".git/x", "z"]],
    ["what is in it, under another name", "p/sub/.", "q", ["q/.git/x", "q/z"]],
    ["the one above", "p/sub/.git/..", undefined, [".git/x", "z"]],
    ["by a link that was named", "link", undefined, ["link/.git/x", "link/z"]],
  ])("%s: in the order of names, hidden files too, and no empty folder", async (_, path, name, files) => {
    await put("p/B", "p/a", "p/.hidden", "p/sub/z", "p/sub/.git/x");
    await mkdir(at("p/sub/empty"));
    await symlink("p/sub", at("link"));
    expect(await namesFrom({ path: at(path), name })).toEqual(files);
  });

  it("comes with its contents and its executable bits, in the request's own form", async () => {
    await put("p/run.sh", "p/deep/er/text");
    await chmod(at("p/run.sh"), 0o750);
    await writeFile(at("p/bytes"), Buffer.of(0, 255));
    await writeFile(at("p/empty"), "");
    const files = await filesFrom(at("p"));
    expect(files).toEqual([
      { name: "p/bytes", content: { base64: "AP8=" } },
      { name: "p/deep/er/text", content: "p/deep/er/text" },
      { name: "p/empty", content: "" },
      { name: "p/run.sh", content: "p/run.sh", executable: true },
    ]);
    expect(validateRequest({ files, entrypoint: "p/run.sh" }).files).toHaveLength(4);
  });

  it("is small beside the limit: 256 files come, 257 are refused, and a disk is not counted to its end", async () => {
    const numbers = Array.from({ length: 256 }, (_, index) => `p/${index}`);
    await put(...numbers, "one");
    expect(await namesFrom({ path: at("p") })).toHaveLength(256);
    expect(await refusalOf(findFiles([{ path: at("one") }, { path: at("p") }], "--input"))).toMatchObject({
      field: "--input",
      message: `--input: ${at("p")}: got 256 files, and 1 before; allowed are 256`,
      remedy: expect.stringContaining("archive"),
    });
    await put("p/256");
    expect((await refusalOf(filesFrom(at("p")))).message).toBe(`files: ${at("p")}: got 257 files; allowed are 256`);
    execFileSync("sh", ["-c", "seq 10001 | xargs touch"], { cwd: at("p") });
    expect((await refusalOf(filesFrom(at("p")))).message).toMatch(/: got more than 10000 files; allowed are 256$/);
  });

  it("is refused by its bytes before any is read", async () => {
    for (const name of ["a", "b", "c"]) {
      await put(`p/${name}`);
      // Sparse, but reading them would still take long.
      await truncate(at("p", name), 100 * 2 ** 20);
    }
    const began = performance.now();
    expect((await refusalOf(filesFrom(at("p")))).message).toBe(
      "files: got 314572800 bytes of files; allowed is at most 268435456 together",
    );
    expect(performance.now() - began).toBeLessThan(100);
  });
});

describe("what is no plain file in a folder is refused by its name", () => {
  it.each<[what: string, make: (path: string) => unknown]>([
    ["it is a symbolic link", (path) => symlink("a", path)],
    ["it is a symbolic link", (path) => symlink("/nowhere", path)],
    ["it is a symbolic link", (path) => symlink(".", path)],
    ["it is a FIFO", (path) => execFileSync("mkfifo", [path])],
  ])("%s", async (what, make) => {
    await put("p/a", "p/deep/b");
    await make(at("p/deep/odd"));
    expect(await refusalOf(findFiles([{ path: at("p") }], "--input"))).toMatchObject({
      message: `--input: ${at("p/deep/odd")}: ${what}; allowed are plain files`,
      remedy: expect.stringContaining("a link that is passed directly is followed"),
    });
    await symlink("a", at("p/another"));
    expect((await refusalOf(filesFrom(at("p")))).message).toBe(
      `files: ${at("p/another")}: it is a symbolic link (and 1 more that are not plain files); allowed are plain files`,
    );
  });

  it("a socket", async () => {
    const server = createServer().listen(at("socket"));
    await put("a");
    expect((await refusalOf(filesFrom(folder))).message).toContain("/socket: it is a socket; allowed");
    server.close();
  });

  it.runIf(process.getuid?.() === 0)("a device", async () => {
    execFileSync("mknod", [at("null"), "c", "1", "3"]);
    expect((await refusalOf(filesFrom(folder))).message).toContain("/null: it is a device; allowed");
  });
});

describe("names", () => {
  it.each(["new\nline", "back\\slash", "bell\u0007", "x".repeat(254)])("%j is refused", async (name) => {
    await put(`p/${name}`);
    const { message } = await refusalOf(findFiles([{ path: at("p") }], "--input"));
    expect(message).toContain(
      `: got the name ${JSON.stringify(`p/${name}`)}; allowed is a relative path of at most 255`,
    );
  });

  it("one that is not UTF-8 is refused", async () => {
    await mkdir(at("p"));
    const path = Buffer.concat([Buffer.from(at("p/bad")), Buffer.of(0xff)]);
    await (await open(path, "w")).close();
    expect((await refusalOf(filesFrom(at("p")))).message).toContain('got the name "p/bad\ufffd"');
  });

  it.each([
    ["p", "../up"],
    ["p", "/etc"],
    ["p", "a/../../b"],
    ["p", ".."],
    ["p/a", "../a"],
    ["p/a", "."],
  ])("%s does not climb to %j", async (path, name) => {
    await put("p/a");
    expect((await refusalOf(findFiles([{ path: at(path), name }], "--input"))).message).toContain("; allowed is a rel");
  });

  it("two that meet are refused", async () => {
    await put("p/a", "q/a", "a");
    const together = (...sources: FileSource[]) => refusalOf(findFiles(sources, "--input"));
    expect((await together({ path: at("p/.") }, { path: at("q/.") })).message).toBe(
      '--input: got "a" twice; allowed is each name once',
    );
    expect((await together({ path: at("a") }, { path: at("p"), name: "a" })).message).toBe(
      '--input: got "a" as a file and as a folder; allowed is one of them',
    );
    expect(await namesFrom({ path: at("p") }, { path: at("q"), name: "p/q" })).toEqual(["p/a", "p/q/a"]);
  });
});

describe("what cannot be read", () => {
  it("nothing there, and a folder without files", async () => {
    expect((await refusalOf(filesFrom(at("none")))).message).toBe(`files: ${at("none")}: there is no such file`);
    await mkdir(at("p/q"), { recursive: true });
    expect((await refusalOf(filesFrom(at("p")))).message).toBe(
      `files: ${at("p")}: it has no files; allowed is a folder with files`,
    );
  });

  it("a file, a folder, and a folder within one", async () => {
    await put("p/a", "p/locked/b");
    await chmod(folder, 0o755);
    await chmod(at("p/locked"), 0);
    const locked = `${at("p/locked")}: this user may not read it`;
    expect((await refusalOf(asNobody(() => filesFrom(at("p"))))).message).toBe(`files: ${locked}`);
    expect((await refusalOf(asNobody(() => filesFrom(at("p/locked"))))).message).toBe(`files: ${locked}`);
    await chmod(at("p/locked"), 0o755);
    await chmod(at("p/a"), 0);
    expect((await refusalOf(asNobody(() => filesFrom(at("p"))))).message).toBe(
      `files: ${at("p/a")}: this user may not read it`,
    );
  });
});

describe("a folder that changes while it is read", () => {
  const changed = "it changed while the folder was read";
  it.each<[name: string, change: (path: string) => Promise<unknown>, message: string]>([
    ["a file that shrinks", (path) => truncate(path, 1), changed],
    ["a file that is replaced", (path) => rm(path).then(() => put("p/b/x", "p/a")), changed],
    [
      "a file that becomes a link",
      (path) => rm(path).then(() => symlink("/etc/passwd", path)),
      "it is a symbolic link",
    ],
    ["a file that becomes a FIFO", (path) => rm(path).then(() => execFileSync("mkfifo", [path])), changed],
    ["a file that goes away", (path) => rm(path), "there is no such file"],
  ])("%s is refused", async (_, change, message) => {
    await put("p/a");
    const found = await findFiles([{ path: at("p") }], "--input");
    // While it is open, its inode is not reused for the next file.
    await using _held = await open(at("p/a"));
    await change(at("p/a"));
    expect((await refusalOf(readFiles(found, "--input", async () => undefined))).message).toBe(
      `--input: ${at("p/a")}: ${message}`,
    );
  });

  it("a file that grows comes as long as it was", async () => {
    await put("p/a");
    const found = await findFiles([{ path: at("p") }], "--input");
    await appendFile(at("p/a"), "and more");
    expect(await readFiles(found, "--input", async () => undefined)).toEqual([{ name: "p/a", content: "p/a" }]);
  });
});
