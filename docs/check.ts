/**
 * Checks the Markdown pages: lines have at most 120 characters, and relative links lead to a file and a heading that exist.
 * `npm run check` runs it.
 */
import { existsSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";

const maximumLineLength = 120;
const linkOnly = /^\s*(?:[-*] |\d+\. )?!?\[[^\]]*\](?:\([^)]*\)|: \S+)[.,:;]?$/;

/** Blanks out code blocks and code spans. Line numbers stay the same. */
function withoutCode(text: string): string {
  const blank = (code: string): string => code.replace(/[^\n]/g, " ");
  return text
    .replace(/^( *)(```+|~~~+).*\n(?:.*\n)*?\1\2 *$/gm, blank)
    .replace(/(?<=\n\n)(?: {4}.*\n)+/g, blank)
    .replace(/(?<!`)(`+)(?!`)(?:[^\n]|\n(?!\n))*?(?<!`)\1(?!`)/g, blank);
}

/** The anchors of a page, by GitHub's rule: https://github.com/Flet/github-slugger has it as code. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  // Code spans are part of a heading, code blocks hold none: only the latter may hide a line that begins with `#`.
  const prose = withoutCode(text).split("\n");
  const headings = text.split("\n").filter((line, index) => /^#{1,6} /.test(line) && prose[index]?.startsWith("#"));
  for (const heading of headings) {
    const title = heading.replace(/^#+ +/, "").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    const slug = title
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
      .replaceAll(" ", "-");
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

function longLines(page: string, text: string): string[] {
  const prose = withoutCode(text).split("\n");
  return text.split("\n").flatMap((line, index) => {
    const isCode = line.trim() !== "" && prose[index]?.trim() === "";
    const isExempt = isCode || line.trimStart().startsWith("|") || linkOnly.test(line);
    if (line.length <= maximumLineLength || isExempt) return [];
    return [`${page}:${index + 1}: ${line.length} characters, more than ${maximumLineLength}`];
  });
}

function brokenLinks(page: string, pages: ReadonlyMap<string, string>, exists: (path: string) => boolean): string[] {
  const prose = withoutCode(pages.get(page) ?? "");
  const links = prose.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]: +(\S+)/gm);
  return [...links].flatMap((match) => {
    const target = match[1] ?? match[2] ?? "";
    if (/^[a-z][a-z\d+.-]*:/i.test(target)) return [];
    const [path = "", anchor] = decodeURI(target).split("#");
    const file = path === "" ? page : normalize(join(dirname(page), path));
    const place = `${page}:${prose.slice(0, match.index).split("\n").length}`;
    if (!exists(file)) return [`${place}: ${target}: there is no ${file}`];
    const linked = pages.get(file);
    if (anchor === undefined || linked === undefined || anchorsOf(linked).has(anchor)) return [];
    return [`${place}: ${target}: ${file} has no heading #${anchor}`];
  });
}

/**
 * @param pages the text of each page by its path from the root of the repository
 * @param exists whether a path from the root exists
 * @returns one line for each problem, as `page:line: problem`
 */
export function checkPages(pages: ReadonlyMap<string, string>, exists: (path: string) => boolean): string[] {
  return [...pages].flatMap(([page, text]) => [...longLines(page, text), ...brokenLinks(page, pages, exists)]);
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const pages = new Map<string, string>();
  for await (const page of glob(["*.md", "{docs,examples,deploy}/**/*.md"], { cwd: root })) {
    pages.set(page, await readFile(join(root, page), "utf8"));
  }
  const problems = checkPages(pages, (path) => existsSync(join(root, path)));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
