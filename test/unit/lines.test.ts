import { describe, expect, test } from "vitest";
import { type Line, linesOf } from "#client/cli/batch/lines";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

async function linesIn(chunks: readonly Buffer[], maximum?: number): Promise<Line[]> {
  const stream = (async function* () {
    yield* chunks;
  })();
  const found: Line[] = [];
  for await (const line of linesOf(stream, maximum)) found.push(line);
  return found;
}

const texts = async (chunks: readonly Buffer[]): Promise<(string | null)[]> =>
  (await linesIn(chunks)).map(({ text }) => text);

describe("lines end with \\n and nothing else", () => {
  test.each<[content: string, lines: string[]]>([
    ["", []],
    ["\n", [""]],
    ["a", ["a"]],
    ["a\n", ["a"]],
    ["a\n\nb", ["a", "", "b"]],
    ["a\r\nb\rc", ["a\r", "b\rc"]],
    ["a\u2028b\u2029c\u0085d\u000be\u000cf", ["a\u2028b\u2029c\u0085d\u000be\u000cf"]],
    ["\ufeffa\nb", ["a", "b"]],
    ["ü\n日本", ["ü", "日本"]],
  ])("%j", async (content, lines) => {
    const whole = Buffer.from(content);
    expect(await texts([whole])).toEqual(lines);
    // Cut at every byte.
    expect(await texts([...whole].map((byte) => Buffer.from([byte])))).toEqual(lines);
  });
});

test("what is no UTF-8 is said of its line", async () => {
  expect(await linesIn([bytes("a\n\xe9\nb")])).toEqual([
    { number: 1, text: "a", fault: null },
    { number: 2, text: null, fault: "encoding" },
    { number: 3, text: "b", fault: null },
  ]);
});

test("a line that does not end is given up", async () => {
  expect(await linesIn([bytes("ab\n"), bytes("cdef"), bytes("gh")], 5)).toEqual([
    { number: 1, text: "ab", fault: null },
    { number: 2, text: null, fault: "length" },
  ]);
});
