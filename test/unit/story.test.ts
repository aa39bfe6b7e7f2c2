import { describe, expect, test } from "vitest";
import { validateRequest } from "#core/contract/parse-request";
import { excerptOf, titleOf } from "#core/text/code-excerpt";
import { codeBlock, codeSpan, prose } from "#core/text/markdown";
import { detailsOf, summaryOf } from "#core/text/request-details";

describe("what is shown of code", () => {
  test.each<[string, unknown, string, string[], number]>([
    ["blank lines before it", { code: "\n  \n  a\n\n b\n\n" }, "a", ["  a", "", " b"], 0],
    ["other line ends", { code: "a\r\nb\rc" }, "a", ["a", "b", "c"], 0],
    ["tabs", { code: "a:\n\tb" }, "a:", ["a:", "    b"], 0],
    [
      "what turns text around",
      { code: "a\u202eb\u0000\u001b" },
      "a\u{fffd}b\u{fffd}\u{fffd}",
      ["a\u{fffd}b\u{fffd}\u{fffd}"],
      0,
    ],
    ["half a character", { code: "\ud83d" }, "\u{fffd}", ["\u{fffd}"], 0],
    ["many lines", { code: "a\n".repeat(15) }, "a", Array<string>(12).fill("a"), 3],
    ["nothing but blanks", { code: " \n" }, "(no code)", [], 0],
    ["an entry point", { entrypoint: "main.py" }, "main.py", ["main.py"], 0],
    [
      "code in the store",
      { code: { artifact: "0" } },
      "(code from the artifact store)",
      ["(code from the artifact store)"],
      0,
    ],
    ["bytes", { code: { base64: "" } }, "(bytes)", ["(bytes)"], 0],
    ["no request", null, "(no code)", ["(no code)"], 0],
  ])("%s", (_name, request, title, lines, more) => {
    expect(titleOf(request)).toBe(title);
    expect(excerptOf(request)).toEqual({ lines, more });
  });

  test("a long line is shortened", () => {
    expect(titleOf({ code: "x".repeat(101) })).toBe(`${"x".repeat(99)}…`);
    expect(excerptOf({ code: "x".repeat(121) }).lines).toEqual([`${"x".repeat(119)}…`]);
  });
});

describe("in Markdown", () => {
  test.each([
    ["plain words, a comma; and 1 + 1", "plain words, a comma; and 1 + 1"],
    ["**a** <b> [c](d) `e`", "\\*\\*a\\*\\* \\<b\\> \\[c\\](d) \\`e\\`"],
    ["--flag https://a.b key: value", "\\--flag https\\://a.b key: value"],
    ["two\nlines", "two lines"],
  ])("the prose %j", (text, expected) => {
    expect(prose(text)).toBe(expected);
  });

  test.each([
    ["a", "`a`"],
    ["`a", "`` `a ``"],
    ["a``b", "```a``b```"],
    ["{runId} {run}", "`{\u{200b}runId} {run}`"],
    ["", ""],
  ])("the code %j", (text, expected) => {
    expect(codeSpan(text)).toBe(expected);
  });

  test.each([
    [["a", "b"], "```\na\nb\n```"],
    [["```", "~~~", "````"], "`````\n```\n~~~\n````\n`````"],
  ])("the block %j", (lines, expected) => {
    expect(codeBlock(lines)).toBe(expected);
  });
});

describe("what Temporal keeps: 200 bytes of a summary, 20 kB of details", () => {
  test.each(["x", "漢", "😀", "`", "` ", "\u0001", "&"])("a request full of %j", (character) => {
    const full = Array<string>(50).fill(character.repeat(500)).join("\n");
    const spec = validateRequest({ code: full, requester: "&".repeat(128) });
    const worst = { ...spec, language: character.repeat(32).slice(0, 32) };
    expect(Buffer.byteLength(JSON.stringify(summaryOf(worst)))).toBeLessThanOrEqual(200);
    expect(Buffer.byteLength(JSON.stringify(detailsOf(worst)))).toBeLessThanOrEqual(20_000);
  });
});
