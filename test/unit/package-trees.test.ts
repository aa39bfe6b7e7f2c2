import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tidyTree } from "#cells/packages/tidy-tree";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kgents-tree-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

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
