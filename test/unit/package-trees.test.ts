import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { npmInstaller } from "#cells/packages/npm";
import { maximumFiles, refuseMany } from "#cells/packages/refuse-large";
import { tidyTree } from "#cells/packages/tidy-tree";
import { refuseLargeDraft, type TreeSize, watchSize } from "#cells/packages/watch-size";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kgents-tree-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

describe("programs of packages of Python", () => {
  const tidied = async (content: string): Promise<string> => {
    const programs = join(root, "site", "bin");
    mkdirSync(programs, { recursive: true });
    writeFileSync(join(programs, "tool"), content, { mode: 0o755 });
    await tidyTree(root);
    expect(statSync(join(programs, "tool")).mode & 0o777).toBe(0o755);
    return readFileSync(join(programs, "tool"), "utf8");
  };

  it.each([
    ["#!/host/bin/python3.13 -E\nimport six\n", "#!/usr/bin/env python3\nimport six\n"],
    ["#!/host/bin/python\n", "#!/usr/bin/env python3\n"],
    ["#!/bin/sh\n# python\n", "#!/bin/sh\n# python\n"],
    ["print('python')\n", "print('python')\n"],
    ["#!/host/bin/python", "#!/host/bin/python"],
    ["", ""],
  ])("%j", async (before, after) => expect(await tidied(before)).toBe(after));

  it("are read up to a limit, in time that does not depend on their length", async () => {
    const long = `#!${"python".repeat(200_000)}`;
    const began = performance.now();
    expect(await tidied(long)).toBe(long);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it("keep what other names of the file have, and all that follows the first line", async () => {
    const rest = `x = "${"é\u0000".repeat(200_000)}"\n`;
    const kept = join(root, "kept");
    writeFileSync(kept, `#!/host/python\n${rest}`);
    const programs = join(root, "site", "bin");
    mkdirSync(programs, { recursive: true });
    linkSync(kept, join(programs, "tool"));
    await tidyTree(root);
    expect(readFileSync(join(programs, "tool"), "utf8")).toBe(`#!/usr/bin/env python3\n${rest}`);
    expect(readFileSync(kept, "utf8")).toBe(`#!/host/python\n${rest}`);
  });
});

describe("many empty files", () => {
  beforeEach(() => {
    for (let index = 0; index < 500; index += 1) writeFileSync(join(root, `${index}`), "");
  });

  it("take room while they are installed, which stops the work, and in the tree", async () => {
    const sizes: TreeSize[] = [];
    const refuse = (size: TreeSize): void => {
      sizes.push(size);
      throw new Error("enough");
    };
    const work = (signal: AbortSignal): Promise<void> =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    await expect(watchSize(root, refuse, new AbortController().signal, work)).rejects.toThrow("enough");
    expect(sizes[0]).toEqual({ bytes: 500 * 4096, files: 500 });
    expect(await tidyTree(root)).toBe(501 * 4096);
  });

  it("are refused where they are too many", () => {
    expect(() => refuseMany(maximumFiles)).not.toThrow();
    const refuse = refuseLargeDraft(100);
    expect(() => refuse({ bytes: 200, files: 2 * maximumFiles })).not.toThrow();
    const tooLarge = expect.objectContaining({ code: "package-too-large" });
    expect(() => refuseMany(maximumFiles + 1)).toThrow(tooLarge);
    expect(() => refuse({ bytes: 0, files: 2 * maximumFiles + 1 })).toThrow(tooLarge);
    expect(() => refuse({ bytes: 201, files: 1 })).toThrow(tooLarge);
  });
});

it.each([
  ["echo 11.13.0", "npm 11.13.0; it must be 11.14.0 or newer"],
  ["echo no >&2; exit 1", "does not say its version"],
])("npm that fetches from other addresses, or may do so, is not used: %s", async (script, message) => {
  const program = join(root, "npm");
  writeFileSync(program, `#!/bin/sh\n[ "$1" = --version ] || touch "${root}/used"\n${script}\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${root}:/usr/bin:/bin`);
  const runtime = { ecosystem: "npm", version: "24.1.0", platform: "linux-x64-glibc" } as const;
  const step = { scratch: root, index: undefined, maximumBytes: 1, signal: new AbortController().signal };
  await expect(npmInstaller().resolve(step, { ...runtime, requirements: ["zod"] }, runtime)).rejects.toMatchObject({
    code: "tool-unavailable",
    message: expect.stringContaining(message),
    remedy: expect.stringContaining("npm 11.14.0"),
  });
  expect(existsSync(join(root, "used"))).toBe(false);
});
