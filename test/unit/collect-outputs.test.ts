/** Output files arrive as a tar that the code may have forged. It must do no harm, and what was refused is reported. */
import { PassThrough, Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { type Header, pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { collectOutputs } from "#cells/files/collect-outputs";
import { controlReader } from "#cells/files/control-reader";
import type { OutputPlan } from "#cells/files/output-plan";

type Entry = Partial<Header> & { readonly name: string; readonly content?: string };

async function tarOf(...entries: Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content = "x", ...header } of entries) archive.entry(header, header.type === undefined ? content : "");
  archive.finalize();
  return buffer(archive);
}

interface Sent {
  /** Names of entries that are not regular files. */
  readonly refused?: readonly string[];
  /** Names of files that were announced. */
  readonly announced?: readonly string[];
  /** The exit status of `find`. */
  readonly status?: string;
  readonly tar?: Buffer | AsyncIterable<Buffer>;
}

const words = (list: readonly string[] = []): string => [...list.map((word) => `${word}\0`), "\0"].join("");

/** Collects the output of a cell. */
async function collectFrom(
  { refused, announced, status = "0", tar = Buffer.alloc(0) }: Sent,
  plan: Partial<OutputPlan> = {},
) {
  const files: Record<string, string> = {};
  let gaveUp = false;
  const source = Readable.from(
    (async function* () {
      yield Buffer.from(`${words(refused)}${words(announced)}${status}\0`);
      if (Buffer.isBuffer(tar)) yield tar;
      else yield* tar;
    })(),
    { objectMode: false },
  );
  const omitted = await collectOutputs(controlReader(source), {
    globs: ["**/*", "*"],
    except: new Set(["main.sh"]),
    largestTotal: 1000,
    save: async (name, content) => {
      files[name] = await text(content);
      return true;
    },
    giveUp: () => {
      gaveUp = true;
      source.destroy();
    },
    ...plan,
  });
  return { files, omitted, gaveUp };
}

const collect = (tar: Buffer, plan?: Partial<OutputPlan>) => collectFrom({ tar }, plan);

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
    const answer = await collect(await tarOf({ name: "./main.sh" }), { globs: ["main.sh"] });
    expect(answer).toMatchObject({ files: {}, omitted: [{ name: "main.sh", reason: "no file matches" }] });
  });
});

describe("an archive that breaks off", () => {
  it.each<[where: string, entry: Entry, saved: Record<string, string>, omitted: readonly string[]]>([
    ["in a file that is taken", { name: "good", content: "y".repeat(900) }, { first: "x" }, ["good", "..."]],
    ["in one that is refused", { name: "a\\bad", content: "y".repeat(900) }, { first: "x" }, ["a\\\\bad", "..."]],
    ["in one that nobody asked for", { name: "main.sh", content: "y".repeat(900) }, { first: "x" }, ["..."]],
  ])("%s is said, and ends nothing else", async (_, entry, saved, omitted) => {
    const tar = await tarOf({ name: "first" }, entry);
    const answer = await collect(tar.subarray(0, 1024 + 512 + 100));
    expect(answer.files).toEqual(saved);
    expect(answer.omitted.map(({ name }) => name)).toEqual(omitted);
    expect(answer.omitted.at(-1)?.reason).toContain("the files broke off");
    // The sender has ended, and reports the reason itself.
    expect(answer.gaveUp).toBe(false);
  });

  it("is given up where it goes on without end", async () => {
    const half = { content: "y".repeat(600) };
    const tar = await tarOf(...["a", "b", "c", "d", "e"].map((name) => ({ name, ...half })));
    const endless = (async function* () {
      for (;;) yield tar;
    })();
    const answer = await collectFrom({ tar: endless });
    expect(Object.keys(answer.files)).toEqual(["a"]);
    expect(answer.gaveUp).toBe(true);
    expect(answer.omitted.map(({ name }) => name)).toEqual(["b", "c", "d", "..."]);
  });
});

/** A header with these bytes, and a matching checksum. */
function header(name: string, type: string, size: string | Buffer): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  block.write("0000644\0", 100);
  if (typeof size === "string") block.write(size, 124);
  else size.copy(block, 124);
  block.write(type, 156);
  block.write("ustar\u000000", 257);
  block.write(" ".repeat(8), 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

const octal = (size: number): string => `${size.toString(8).padStart(11, "0")}\0`;

async function* endless(...blocks: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (;;) {
    yield Buffer.concat(blocks);
    await setImmediate();
  }
}

/**
 * The longest time that an action blocked the event loop, in milliseconds of this thread's own work, since the machine
 * is shared.
 */
async function longestStandstill(work: () => Promise<unknown>): Promise<number> {
  const used = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let last = used();
  let longest = 0;
  const look = (): void => {
    const now = used();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, 1);
  await work();
  look();
  clearInterval(timer);
  return longest;
}

describe("a hostile archive ends the collection, and what came before it stays", () => {
  const negative = Buffer.alloc(12, 0xff).fill(0x9c, 11);
  const huge = Buffer.from([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
  const pax = (length: number, text = ""): Buffer =>
    Buffer.concat([header("p", "x", octal(length)), Buffer.from(text.padEnd(length, "\0"))]);
  const global = (length: number): Buffer =>
    Buffer.concat([
      header("p", "g", octal(length)),
      Buffer.from(Array.from({ length: length / 16 }, (_, key) => `16 ${String(key).padStart(10)}=\n`).join("")),
    ]);
  const zero = Buffer.alloc(64 * 1024);
  const good = (): Promise<Buffer> => tarOf({ name: "good" });

  it.each<[what: string, then: () => AsyncIterable<Buffer>, reason: string]>([
    ["blocks of zeros without end", () => endless(zero), "too much between two files"],
    ["an extended header of 4 MiB", () => endless(pax(4 * 2 ** 20)), "too much between two files"],
    ["extended headers without end", () => endless(pax(512)), "too much between two files"],
    ["long names without end", () => endless(header("n", "L", octal(512)), Buffer.alloc(512, "n")), "too much between"],
    ["a long name of negative length", () => endless(header("n", "L", negative)), "too much between"],
    ["a long name without a length", () => endless(header("n", "L", "zzzzzzzzzzz")), "too much between"],
    [
      "headers without end",
      () => endless(...Array(64).fill(header("main.sh", "0", octal(0)))),
      "far more than the disk",
    ],
    ["folders without end", () => endless(...Array(64).fill(header("d", "5", octal(0)))), "far more than the disk"],
    ["a file of negative size", () => endless(header("bad", "0", negative)), "the files broke off"],
    ["a file of all sizes", () => endless(header("bad", "0", huge), zero), "far more than the disk limit"],
    ["a link of all sizes", () => endless(header("bad", "2", huge), zero), "far more than the disk limit"],
    ["a sparse file of all sizes", () => endless(header("bad", "S", huge), zero), "far more than the disk limit"],
    ["no archive at all", () => endless(Buffer.alloc(512, "x")), "the files broke off"],
  ])("%s", async (_, then, reason) => {
    const first = await good();
    let answer: Awaited<ReturnType<typeof collectFrom>> | undefined;
    const standstill = await longestStandstill(async () => {
      const sent = (async function* () {
        yield first.subarray(0, 1024);
        yield* then();
      })();
      answer = await collectFrom({ tar: sent }, { patienceMilliseconds: 30_000 });
    });
    expect(answer?.files).toEqual({ good: "x" });
    expect(answer?.gaveUp).toBe(true);
    expect(answer?.omitted.at(-1)).toEqual({ name: "...", reason: expect.stringContaining(reason) });
    expect(standstill).toBeLessThan(200);
  });

  it("a folder that says it has a size has none", async () => {
    const file = await tarOf({ name: "after" });
    const answer = await collect(Buffer.concat([header("d", "5", octal(10 * 2 ** 20)), file]));
    expect(answer).toEqual({
      files: { after: "x" },
      omitted: [{ name: "d", reason: "not a plain file" }],
      gaveUp: false,
    });
  });

  it("global headers are not copied for each file at any cost", async () => {
    const many = Buffer.concat([
      global(48 * 1024),
      ...Array(200).fill(Buffer.concat([pax(512), header("main.sh", "0", octal(0))])),
    ]);
    expect(await longestStandstill(() => collect(many))).toBeLessThan(200);
  });

  it.each(["in a file", "in the list of names", "before it says anything"])(
    "a cell that says no more, %s",
    async (where) => {
      const pieces = {
        "in a file": `\0\0${"0"}\0${header("good", "0", octal(600)).toString("latin1")}`,
        "in the list of names": "./a\0./b",
        "before it says anything": "",
      }[where];
      const source = new PassThrough();
      source.write(Buffer.from(pieces ?? "", "latin1"));
      let gaveUp = false;
      const omitted = await collectOutputs(controlReader(source), {
        globs: ["*"],
        except: new Set<string>(),
        largestTotal: 1000,
        patienceMilliseconds: 50,
        save: async (_name, content) => buffer(content).then(() => true),
        giveUp: () => {
          gaveUp = true;
        },
      });
      expect(gaveUp).toBe(true);
      expect(omitted.at(-1)?.reason).toMatch(/^collecting took longer than 0 s/);
    },
  );

  it.each(["the deadline", "the end of the run"])("a store that takes nothing: %s ends it", async (what) => {
    const stop = new AbortController();
    const work = collect(await tarOf({ name: "good" }), {
      save: () => {
        stop.abort();
        return new Promise(() => {});
      },
      ...(what === "the deadline" ? { patienceMilliseconds: 50 } : { signal: stop.signal }),
    });
    expect((await work).omitted.at(-1)?.reason).toMatch(/collecting took longer|the run was stopped/);
  });
});

it("a store that is slow leaves no listener behind, however often it is waited for", async () => {
  const piece = 2 ** 17;
  const size = 50 * piece;
  const archive = await tarOf({ name: "good", content: "x".repeat(size) });
  const pieces = async function* () {
    for (let at = 0; at < archive.length; at += piece) yield archive.subarray(at, at + piece);
  };
  const counts: number[] = [];
  const save: OutputPlan["save"] = async (_name, content) => {
    for await (const _ of content) {
      // The next piece arrives in the meantime and must wait.
      await setImmediate();
      counts.push(content.listenerCount("close") + content.listenerCount("drain"));
    }
    return true;
  };
  const { omitted } = await collectFrom({ tar: pieces() }, { largestTotal: 2 * size, save });
  expect(omitted).toEqual([]);
  expect(counts.length).toBeGreaterThan(40);
  expect(Math.max(...counts)).toBeLessThan(6);
});

it("many names and many hostile globs leave the event loop to others", async () => {
  const refused = Array.from({ length: 3000 }, (_, index) => `./${"a".repeat(240)}${index}`);
  const globs = Array.from({ length: 64 }, (_, index) => `${"{a,b}*".repeat(40)}${index}`);
  expect(await longestStandstill(() => collectFrom({ refused }, { globs, patienceMilliseconds: 1500 }))).toBeLessThan(
    200,
  );
});

describe("what does not come back is said", () => {
  it("refusals, up to a hundred by name; the others are counted", async () => {
    const refused = Array.from({ length: 30_000 }, (_, index) => `./link${index}`);
    const { omitted } = await collectFrom({ refused }, { globs: ["*"] });
    expect(omitted).toHaveLength(101);
    expect(omitted[0]).toEqual({ name: "link0", reason: "not a plain file, or one with several links" });
    expect(omitted[100]).toEqual({ name: "", reason: "29900 more files were left out" });
  });

  it("files that were announced and did not come, and folders that could not be searched", async () => {
    const tar = await tarOf({ name: "./came" });
    const { files, omitted } = await collectFrom({ tar, announced: ["./came", "./lost", "./main.sh"], status: "1" });
    expect(files).toEqual({ came: "x" });
    expect(omitted).toEqual([
      { name: "lost", reason: "it could not be read in the cell" },
      { name: "...", reason: "not all folders could be searched for files" },
    ]);
  });

  it("a file that the store does not take, and why; the others come", async () => {
    const tar = await tarOf({ name: "./a" }, { name: "./b", content: "y".repeat(500) }, { name: "./c" });
    const taken: string[] = [];
    const { omitted, gaveUp } = await collect(tar, {
      save: async (name, content) => {
        if (name === "b") throw new Error("ENOSPC: no space left on device");
        taken.push(await text(content));
        return true;
      },
    });
    expect(taken).toEqual(["x", "x"]);
    expect(omitted).toEqual([{ name: "b", reason: "it could not be stored: ENOSPC: no space left on device" }]);
    expect(gaveUp).toBe(false);
  });

  it.each<[globs: readonly string[], unused: readonly string[]]>([
    [["chrt.png"], ["chrt.png"]],
    [["*.csv", "a.*", "**"], ["*.csv"]],
    [["a.png", "{x,y}/*"], ["{x,y}/*"]],
    [["main.sh"], ["main.sh"]],
    [["*.link"], []],
  ])("globs that stand for nothing: of %j, %j", async (globs, unused) => {
    const tar = await tarOf({ name: "./a.png" }, { name: "./main.sh" });
    const { omitted } = await collectFrom({ tar, refused: ["./a.link"] }, { globs });
    expect(omitted.filter(({ reason }) => reason === "no file matches").map(({ name }) => name)).toEqual(unused);
  });
});
