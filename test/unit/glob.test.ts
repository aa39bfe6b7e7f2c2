/** The meaning of output file globs, and the cost of a hostile one. */
import { matchesGlob } from "node:path";
import { describe, expect, it } from "vitest";
import { compileGlob } from "#cells/files/glob";

describe("a glob stands for", () => {
  it.each<[name: string, glob: string, expected: boolean]>([
    ["a.txt", "a.txt", true],
    ["a.txt", "*.txt", true],
    ["A.TXT", "*.txt", false],
    ["d/a.txt", "*.txt", false],
    ["a", "a*", true],
    ["abc", "a*b*c", true],
    ["ab", "a**b", true],
    ["a/b", "a**b", false],
    // A glob matches hidden files only if it has the dot.
    [".a.txt", "*.txt", false],
    [".a.txt", ".*", true],
    [".a", "?a", false],
    [".a", "[!b]a", false],
    [".a", "[.]a", true],
    ["d/.a", "d/*", false],
    ["a.b", "a?b", true],
    // Folders.
    ["a.txt", "**", true],
    ["d/e/a.txt", "**/*.txt", true],
    ["a.txt", "**/*.txt", true],
    ["d/e/a.txt", "d/**", true],
    ["d", "d/**", false],
    ["d/a", "d/**/a", true],
    ["d/e/f/a", "d/**/a", true],
    ["d/.e/a.txt", "d/**", false],
    ["d/.e/a.txt", "**/a.txt", false],
    ["d/.e/a.txt", "d/.*/a.txt", true],
    ["../a", "**", false],
    ["a/b.txt", "a/*", true],
    ["a/b/c.txt", "a/*", false],
    ["x/a/y/a/z", "**/a/**/z", true],
    // One character.
    ["a", "?", true],
    ["ab", "?", false],
    ["\u{1f600}", "?", true],
    ["a/b", "a?b", false],
    ["b1", "[a-c]1", true],
    ["d1", "[a-c]1", false],
    ["d1", "[!a-c]1", true],
    ["d1", "[^a-c]1", true],
    ["-", "[a-]", true],
    ["]", "[]a]", true],
    ["b", "[c-a]", false],
    ["a/b", "a[!x]b", false],
    ["[1]", "[[]1]", true],
    // Alternatives.
    ["a.csv", "*.{txt,csv}", true],
    ["a.png", "*.{txt,csv}", false],
    ["a", "a{,.txt}", true],
    ["a.txt", "a{,.txt}", true],
    ["ac", "{a,b}{c,d}", true],
    ["xbz", "x{a,{b,c}}z", true],
    ["d/e/x", "{d/e,f}/x", true],
    ["d/x.txt", "{**/*.txt,*.csv}", true],
    ["d/e/x", "{d,f}/**/x", true],
    [".a", "{.,b}a", true],
    // All other characters match themselves.
    ["a b", "a b", true],
    ["a(1).txt", "a(1).txt", true],
    ["a", "@(a|b)", false],
    ["!(a)", "!(a)", true],
    ["[1", "[1", true],
    ["{a", "{a", true],
    ["{a}", "{a}", true],
    ["a,b}", "a,b}", true],
    ["{1..3}", "{1..3}", true],
    ["a/b]", "[a/b]", false],
    ["[a/b]", "[a/b]", true],
    ["[1]", "\\[1\\]", false],
    ["a+b|c$.^", "a+b|c$.^", true],
  ])("%j by %j: %s", (name, glob, expected) => {
    expect(compileGlob(glob).matches(name)).toBe(expected);
  });

  it("the same as Node's own matcher says, where both know the signs", () => {
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const some = (words: readonly string[], most: number): string =>
      Array.from({ length: 1 + random(most) }, () => words[random(words.length)]).join("");
    const differences: unknown[] = [];
    for (let round = 0; round < 4000; round += 1) {
      const glob = some(
        ["a", "b", "c", ".", "/", "*", "?", "**/", "/**", "[ab]", "[!a]", "[.]", "{a,b}", "{c,a/b}"],
        6,
      );
      const name = some(["a", "b", "c", "ab", ".", "/"], 6);
      // Not for empty parts, `.` and `..`, which no request can have.
      if ([glob, name].some((path) => /(?:^|\/)\.{0,2}(?:\/|$)/.test(path))) continue;
      const [ours, nodes] = [compileGlob(glob).matches(name), matchesGlob(name, glob)];
      if (ours !== nodes) differences.push({ glob, name, ours });
    }
    expect(differences).toEqual([]);
  });
});

describe("the cost of a glob is bounded by its length and the name's", () => {
  const name = `${"a".repeat(250)}b`;
  it.each<[what: string, glob: string]>([
    ["choices that multiply", "{a,b}".repeat(50)],
    ["choices that end alike", `${"{a,a}".repeat(50)}c`],
    ["nested choices", `${"{a,".repeat(60)}b${"}".repeat(60)}`],
    ["stars", `${"*a".repeat(120)}c`],
    ["folders", `${"**/".repeat(80)}c`],
    ["stars in choices", "{*,a*}".repeat(40)],
    ["open brackets", "[".repeat(255)],
    ["open braces", "{".repeat(255)],
    ["commas", `{${",".repeat(250)}}`],
  ])("%s", (_, glob) => {
    const begin = process.threadCpuUsage();
    compileGlob(glob).matches(name);
    compileGlob(glob).matches(name.replaceAll("aa", "a/"));
    const { user, system } = process.threadCpuUsage(begin);
    expect((user + system) / 1000).toBeLessThan(200);
  });
});
