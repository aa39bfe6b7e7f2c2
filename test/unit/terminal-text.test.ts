/** Printed text: untrusted parts cannot control the terminal, and few files write to it at all. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { describe, expect, test } from "vitest";
import { jsonText, paragraph, printable } from "#client/cli/terminal/terminal-text";

const red = styleText("red", "NOT", { validateStream: false });
const lost = "\u{fffd}";

describe("text for stdout keeps line ends and colours of ours", () => {
  test.each([
    ["a\nb", "a\nb"],
    [`${red} so`, `${red} so`],
    ["\u001b]0;title\u0007", `${lost}]0;title${lost}`],
    ["\u001b[2J\u001b[31;5m", `${lost}[2J${lost}[31;5m`],
    ["\u009b31m", `${lost}31m`],
    ["a\rb\bc", `a${lost}b${lost}c`],
    ["\u202egnp.exe", `${lost}gnp.exe`],
    ["ü 日本 \u{1f600}", "ü 日本 \u{1f600}"],
  ])("%j", (text, expected) => {
    expect(printable(text)).toBe(expected);
  });
});

describe("words for stderr have no colours, and their second line is indented", () => {
  test.each([
    ["one", "one"],
    [red, `${lost}[31mNOT${lost}[39m`],
    ["no run x\nkgents: all is well", "no run x\n        kgents: all is well"],
    ["plan:\n        as it is", "plan:\n        as it is"],
  ])("%j", (text, expected) => {
    expect(paragraph(text)).toBe(expected);
  });
});

test("JSON escapes what a terminal acts on, and means the same", () => {
  const value = { "\u009b": ["\u007f", "\u2028", "\u202e", "\u001b", "ü \u{1f468}\u{200d}\u{1f469}"] };
  const text = jsonText(value);
  expect(text).toBe('{"\\u009b":["\\u007f","\\u2028","\\u202e","\\u001b","ü \u{1f468}\u{200d}\u{1f469}"]}');
  expect(JSON.parse(text)).toEqual(value);
});

/** The files that may write to a stream of this process, and why. */
const writers: Readonly<Record<string, string>> = {
  "bin/kgents.ts": "an older Node.js may not load what prints",
  "cells/packages/runtime.ts": "a program that prints in a cell",
  "client/cli/terminal/print.ts": "everything that is printed passes it",
  "client/cli/terminal/lost-output.ts": "it listens to the streams' errors",
  "client/cli/terminal/terminal-text.ts": "it asks whether stdout shows colours",
  "client/cli/terminal/reporter.ts": "the spinner, whose text is cleaned",
  "client/cli/terminal/confirm.ts": "a question of our own, and the answer's echo",
  "client/cli/sessions/shell.ts": "the prompt, and the echo of what is typed",
  "client/cli/mcp/mcp.ts": "what libraries say through the console goes to stderr",
  "client/mcp/serve-stdio.ts": "the protocol's own messages, which are JSON",
};

test("only these files write to a stream of the process", async () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const found: string[] = [];
  for (const room of ["bin", "client", "operator", "worker", "workflows", "activities", "cells", "platform", "core"]) {
    for (const name of await readdir(join(root, room), { recursive: true })) {
      if (!name.endsWith(".ts")) continue;
      const lines = (await readFile(join(root, room, name), "utf8")).split("\n");
      const writes = lines.filter(
        (line) =>
          !/^\s*(?:\*|\/\/|\/\*)/.test(line) &&
          (/\bconsole\b|process\[\w+\]/.test(line) ||
            /process\.(?:stdout|stderr)(?!\.(?:isTTY|columns))/.test(line) ||
            /\bwriteSync\((?:1|2)\b/.test(line)),
      );
      if (writes.length > 0) found.push(join(room, name));
    }
  }
  const others = found.filter((file) => !(file in writers));
  expect(others).toEqual([]);
});
