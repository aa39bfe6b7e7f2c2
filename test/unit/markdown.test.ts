import { expect, it } from "vitest";
import { checkPages } from "../../docs/check.ts";

const long = "word ".repeat(30).trim();
const other = "# Other\n\n## `exec` and [links](x.md), again\n\n## Twice\n\n## Twice\n\n```sh\n# no heading\n```\n";

const check = (text: string): string[] => {
  const pages = new Map([
    ["docs/page.md", text],
    ["docs/other.md", other],
  ]);
  const found = checkPages(pages, (path) => pages.has(path) || ["README.md", "docs", "docs/x.md"].includes(path));
  return found.filter((problem) => problem.startsWith("docs/page.md"));
};

it.each([
  ["a short line", "word"],
  ["a table", `| a |\n| --- |\n| ${long} |`],
  ["a fenced block", `\`\`\`sh\n${long}\n\`\`\``],
  ["a fenced block in a list", `- item\n\n  \`\`\`sh\n  ${long}\n  \`\`\``],
  ["an indented block", `text\n\n    ${long}\n`],
  ["one long link", `- [${long}](other.md)`],
  ["a link to a file, a folder and a page above", "[a](other.md), [b](../docs), [c](../README.md)"],
  ["a link to an address", "[a](https://example.com/none#anchor)"],
  ["anchors", "# Here\n\n[a](#here) [b](other.md#exec-and-links-again) [c](other.md#twice-1)"],
  ["what looks like a link in code", "`[a](none.md)`\n\n```\n[a](none.md)\n```"],
])("accepts %s", (_, text) => {
  expect(check(text)).toEqual([]);
});

it.each([
  ["a long line", `first\n\n${long}`, "docs/page.md:3: 149 characters, more than 120"],
  ["a long line with code spans", `\`a\` ${long}`, "docs/page.md:1: 153 characters, more than 120"],
  ["a missing file", "[a](none.md)", "docs/page.md:1: none.md: there is no docs/none.md"],
  ["a missing anchor", "x\n[a\nb](#none)", "docs/page.md:3: #none: docs/page.md has no heading #none"],
  ["a comment in code as an anchor", "[a](other.md#no-heading)", /docs\/other\.md has no heading #no-heading$/],
  ["a reference", "[a]: none.md", "docs/page.md:1: none.md: there is no docs/none.md"],
])("refuses %s", (_, text, problem) => {
  expect(check(text)).toEqual([typeof problem === "string" ? problem : expect.stringMatching(problem)]);
});
