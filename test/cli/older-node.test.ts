/** The error on an older Node.js: the machine's own, if that is older. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { olderNode } from "#platform/host/node-version";
import { packageFile } from "#platform/host/package-files";
import { run } from "../support/run.ts";
import { kgentsEntry } from "../support/worker-process.ts";

test.each([
  ["22.19.0", undefined],
  ["24.21.0", undefined],
  ["26.0.0", undefined],
  ["22.18.9", "this is Node 22.18.9, and kgents needs Node 22.19 or newer"],
  ["20.20.2", "this is Node 20.20.2, and kgents needs Node 22.19 or newer"],
  ["9.1.0", "this is Node 9.1.0, and kgents needs Node 22.19 or newer"],
])("Node %s: %s", (version, words) => expect(olderNode(version)).toBe(words));

const versionOf = (node: string): string =>
  execFileSync(node, ["-p", "process.versions.node"], { encoding: "utf8" }).trim();
const older = (process.env.PATH ?? "")
  .split(delimiter)
  .map((directory) => join(directory, "node"))
  .find((node) => existsSync(node) && olderNode(versionOf(node)) !== undefined);

describe.runIf(older !== undefined)(`by ${older}`, () => {
  const node = older ?? "";
  const words = olderNode(older === undefined ? "0" : versionOf(older));

  test.each([["--version"], ["exec", "--code", "print(1)"], ["status"], ["worker"], ["mcp"]])(
    "kgents %s says so in one line, and does nothing",
    async (...args) => {
      expect(await run([node, kgentsEntry, ...args])).toMatchObject({
        code: 125,
        stdout: "",
        stderr: `kgents: ${words}\n`,
      });
    },
  );

  test.each(["index.js", "tools/index.js"])("%s throws so", async (entry) => {
    const program = `import(${JSON.stringify(pathToFileURL(packageFile(`dist/client/${entry}`)))}).catch((error) => console.log(error.message))`;
    expect(await run([node, "-e", program])).toMatchObject({ code: 0, stdout: `${words}\n` });
  });
});
