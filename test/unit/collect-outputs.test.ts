/** Output files come as a tar that the code may have forged: whatever it is, it does no harm, and what was refused is said. */
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { type Header, pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { collectOutputs } from "../../activities/backends/files/collect-outputs.ts";
import { controlReader } from "../../activities/backends/files/control-reader.ts";
import { matchesOutputs } from "../../activities/backends/files/output-patterns.ts";

type Entry = Partial<Header> & { readonly name: string; readonly content?: string };

async function tarOf(...entries: Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content = "x", ...header } of entries) archive.entry(header, header.type === undefined ? content : "");
  archive.finalize();
  return buffer(archive);
}

/** Collects from these bytes, behind an empty list of what is no plain file. */
async function collect(tar: Buffer, refusals = "\0") {
  const files: Record<string, string> = {};
  let gaveUp = false;
  const omitted = await collectOutputs(controlReader(Readable.from([Buffer.from(refusals), tar])), {
    globs: ["*", "**/*"],
    except: new Set(["main.sh"]),
    largestTotal: 1000,
    save: async (name, content) => {
      files[name] = await text(content);
      return true;
    },
    giveUp: () => {
      gaveUp = true;
    },
  });
  return { files, omitted, gaveUp };
}

describe("what is no plain file with a plain name is left out", () => {
  const notPlainName = "its name is too long or not plain";
  it.each<[what: string, entry: Entry, name: string, reason: string]>([
    ["a symbolic link", { name: "bad", type: "symlink", linkname: "/etc/passwd" }, "bad", "not a plain file"],
    ["a hard link", { name: "bad", type: "link", linkname: "good" }, "bad", "not a plain file"],
    ["a device", { name: "bad", type: "character-device" }, "bad", "not a plain file"],
    ["a FIFO", { name: "bad", type: "fifo" }, "bad", "not a plain file"],
    ["a name with NUL, as long names can have", { name: `${"x".repeat(150)}\nbad` }, expect.any(String), notPlainName],
    ["a backslash", { name: "a\\bad" }, "a\\\\bad", notPlainName],
    ["the same name again", { name: "good" }, "good", "it came twice"],
    ["more than the disk", { name: "bad", content: "y".repeat(1001) }, "bad", "more than the disk limit"],
  ])("%s", async (_, entry, name, reason) => {
    const answer = await collect(await tarOf({ name: "./good" }, entry, { name: "./after" }));
    expect(answer).toEqual({ files: { good: "x", after: "x" }, omitted: [{ name, reason }], gaveUp: false });
  });

  it.each(["/etc/passwd", "../bad", "a/../../bad", "a/./bad"])("%s is nothing that can be asked for", async (name) => {
    expect((await collect(await tarOf({ name }))).files).toEqual({});
  });

  it("the code itself", async () => {
    expect(await collect(await tarOf({ name: "./main.sh" }))).toMatchObject({ files: {}, omitted: [] });
  });
});

describe("an archive that breaks off", () => {
  it.each<[where: string, entry: Entry]>([
    ["in a file that is taken", { name: "good", content: "y".repeat(900) }],
    ["in one that is refused", { name: "a\\bad", content: "y".repeat(900) }],
    ["in one that nobody asked for", { name: "main.sh", content: "y".repeat(900) }],
  ])("%s is an error, and ends nothing else", async (_, entry) => {
    const tar = await tarOf({ name: "first" }, entry);
    await expect(collect(tar.subarray(0, 1024 + 512 + 100))).rejects.toThrow();
  });

  it("is given up where it goes on without end", async () => {
    const half = { content: "y".repeat(600) };
    const answer = await collect(await tarOf(...["a", "b", "c", "d", "e"].map((name) => ({ name, ...half }))));
    expect(Object.keys(answer.files)).toEqual(["a"]);
    expect(answer.gaveUp).toBe(true);
    expect(answer.omitted.map(({ name }) => name)).toEqual(["b", "c", "d", "..."]);
  });
});

it("refusals are listed as they are asked for, up to a hundred", async () => {
  const names = Array.from({ length: 150 }, (_, index) => `./link${index}`);
  const { omitted } = await collect(await tarOf(), `${names.join("\0")}\0\0`);
  expect(omitted).toHaveLength(101);
  expect(omitted[0]).toEqual({ name: "link0", reason: "not a plain file, or one with several links" });
  expect(omitted[100]).toEqual({ name: "...", reason: "more files were left out" });
});

it.each([
  ["a.txt", "*.txt", true],
  ["A.TXT", "*.txt", false],
  [".a.txt", "*.txt", false],
  [".a.txt", ".*", true],
  ["d/a.txt", "*.txt", false],
  ["d/e/a.txt", "**/*.txt", true],
  ["a.txt", "**", true],
  ["d/e/a.txt", "d/**", true],
  ["d/.e/a.txt", "d/**", false],
  ["a.csv", "*.{txt,csv}", true],
  ["a b", "a b", true],
  ["[1]", "\\[1\\]", false],
  ["../a", "**", false],
])("%j is asked for by %j: %s", (name, glob, expected) => {
  expect(matchesOutputs(name, [glob])).toBe(expected);
});
