import { describe, expect, it } from "vitest";
import {
  type BoundedStream,
  boundStream,
  boundStreams,
  defaultStreamBudget,
  maximumSliceBytes,
  maximumWholeBytes,
  type StreamSample,
} from "#core/text/bounded-stream";

const bytesOf = (text: string): Buffer => Buffer.from(text, "utf8");
const none = new Uint8Array();
const whole = (bytes: Uint8Array): StreamSample => ({ head: bytes, tail: none, bytes: bytes.length });
const ends = (bytes: Uint8Array, slice: number): StreamSample => ({
  head: bytes.subarray(0, slice),
  tail: bytes.subarray(bytes.length - slice),
  bytes: bytes.length,
});
const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text));
const rawOf = ({ text, encoding }: BoundedStream): Buffer =>
  Buffer.from(text, encoding === "base64" ? "base64" : "utf8");

/** Pseudo-random numbers below a bound. Deterministic, so failures are reproducible. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const pieces = [
  "a",
  "hello ",
  "\n",
  '"',
  "\\",
  "\u0000",
  "\u0001",
  "\u001b",
  "\u007f",
  "é",
  "€",
  "😀",
  "\ufeff",
  "\u2028",
  "\t",
];

function randomText(pick: (below: number) => number, length: number): string {
  // A few kinds at a time: a mixture of all would hide the cost of each.
  const kinds = Array.from({ length: 1 + pick(4) }, () => pieces[pick(pieces.length)] ?? "");
  return Array.from({ length }, () => kinds[pick(kinds.length)]).join("");
}

/** The invariants of every stream. */
function check(result: BoundedStream, stream: Buffer, budget: number): void {
  expect(result.bytes).toBe(stream.length);
  expect(jsonBytes(result.text)).toBeLessThanOrEqual(budget);
  const raw = rawOf(result);
  if (!result.truncated) {
    expect(raw.equals(stream)).toBe(true);
    expect(result).not.toHaveProperty("head");
    return;
  }
  const { head = -1, tail = -1 } = result;
  const marker = `\n[... ${stream.length - head - tail} bytes left out ...]\n`;
  expect(raw.subarray(0, head).equals(stream.subarray(0, head))).toBe(true);
  expect(raw.subarray(raw.length - tail).equals(stream.subarray(stream.length - tail)) || tail === 0).toBe(true);
  expect(raw.subarray(head, raw.length - tail).toString()).toBe(marker);
}

describe("for many streams", () => {
  const cases = Array.from({ length: 300 }, (_, seed) => seed);

  it.each(cases.filter((seed) => seed % 10 === 0))(
    "of valid UTF-8, the bounds hold and text is text (from seed %i)",
    (first) => {
      for (let seed = first; seed < first + 10; seed++) {
        const pick = random(seed);
        const text = randomText(pick, pick(400));
        const stream = bytesOf(text);
        const budget = 80 + pick(1200);
        const result = boundStream(whole(stream), budget);
        check(result, stream, budget);
        expect(result.encoding).toBe("utf-8");
        expect(result.text.isWellFormed()).toBe(true);
        expect(result.truncated).toBe(jsonBytes(text) > budget);
        // The two ends give the same guarantees as the whole stream, however they were cut.
        const slice = pick(stream.length + 1);
        const cut = boundStream(ends(stream, slice), budget);
        check(cut, stream, budget);
        expect(cut.encoding).toBe("utf-8");
        expect(cut.text).not.toContain("\ufffd");
        if (slice >= budget || slice * 2 >= stream.length) expect(cut).toEqual(result);
      }
    },
  );

  it.each(cases.filter((seed) => seed % 10 === 0))("of any bytes, the bounds hold (from seed %i)", (first) => {
    for (let seed = first; seed < first + 10; seed++) {
      const pick = random(seed);
      const stream = Buffer.from(Array.from({ length: 4 + pick(800) }, () => pick(256)));
      stream[0] = 0xff;
      const budget = 80 + pick(900);
      const result = boundStream(whole(stream), budget);
      check(result, stream, budget);
      expect(result.encoding).toBe("base64");
      const cut = boundStream(ends(stream, 1 + pick(stream.length)), budget);
      check(cut, stream, budget);
      expect(cut.encoding).toBe("base64");
    }
  });

  it.each([0, 2, 10, 40, 60])("a budget of %i, too small for anything, is kept", (budget) => {
    for (const stream of [bytesOf("x".repeat(500)), Buffer.alloc(500, 0xff)]) {
      const result = boundStream(whole(stream), budget);
      expect(jsonBytes(result.text)).toBeLessThanOrEqual(Math.max(2, budget));
      expect(result).toMatchObject({ truncated: true, bytes: 500 });
    }
  });
});

describe("what fits", () => {
  it.each([
    ["nothing", ""],
    ["a byte order mark", "\ufeffx"],
    ["NUL", "a\0b"],
    ["quotes and backslashes", '"\\'],
    ["every control character", Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join("")],
    ["the ends of the planes", "\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}"],
  ])("comes back whole: %s", (_what, text) => {
    const result = boundStream(whole(bytesOf(text)), jsonBytes(text));
    expect(result).toEqual({ text, encoding: "utf-8", truncated: false, bytes: Buffer.byteLength(text) });
    if (text !== "") expect(boundStream(whole(bytesOf(text)), jsonBytes(text) - 1).truncated).toBe(true);
  });

  it.each([
    ["a lone continuation byte", [0x61, 0x80]],
    ["an overlong form", [0xc0, 0x80]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a byte that there is not", [0xff]],
    ["a character that ends too early", [0x61, 0xe2, 0x82]],
    ["a character that begins too late", [0x82, 0xac, 0x61]],
  ])("is base64 where it is no UTF-8: %s", (_what, bytes) => {
    const stream = Buffer.from(bytes);
    const text = stream.toString("base64");
    expect(boundStream(whole(stream), 100)).toEqual({
      text,
      encoding: "base64",
      truncated: false,
      bytes: bytes.length,
    });
  });
});

describe("what does not fit", () => {
  it("is cut into head, marker and tail, with the number of bytes left out", () => {
    const result = boundStream(whole(bytesOf("a".repeat(500) + "z".repeat(500))), 100);
    expect(result.text).toMatch(/^a+\n\[\.\.\. (\d+) bytes left out \.\.\.\]\nz+$/);
    expect(result).toMatchObject({ truncated: true, bytes: 1000 });
    expect(jsonBytes(result.text)).toBeGreaterThan(95);
  });

  it("counts control characters sixfold", () => {
    const result = boundStream(whole(Buffer.alloc(1000)), 600);
    expect(result.encoding).toBe("utf-8");
    expect((result.head ?? 0) + (result.tail ?? 0)).toBeLessThan(100);
    expect(jsonBytes(result.text)).toBeGreaterThan(580);
  });

  it.each(["é", "€", "😀"])("is cut between characters: %s", (character) => {
    for (let budget = 80; budget < 100; budget++) {
      const { text, head = 0, tail = 0 } = boundStream(whole(bytesOf(character.repeat(200))), budget);
      expect(text).not.toContain("\ufffd");
      expect(head % Buffer.byteLength(character)).toBe(0);
      expect(tail % Buffer.byteLength(character)).toBe(0);
    }
  });

  it.each([1, 2, 3, 4, 5, 6, 7])("is text though the two ends split characters, at %i", (shift) => {
    const stream = bytesOf("😀".repeat(100));
    const sample = { head: stream.subarray(0, 96 + shift), tail: stream.subarray(300 - shift), bytes: stream.length };
    const result = boundStream(sample, 1000);
    expect(result).toMatchObject({ encoding: "utf-8", truncated: true });
    check(result, stream, 1000);
  });

  it.each<[string, number[], number[]]>([
    ["in the head", [0x61, 0xff, 0x61], [0x61]],
    ["at the end of the head", [0x61, 0xff], [0x61]],
    ["in the tail", [0x61], [0x61, 0xff, 0x61]],
    ["at the end of the stream", [0x61], [0x61, 0xe2, 0x82]],
    ["as four continuation bytes", [0x61], [0x80, 0x80, 0x80, 0x80, 0x61]],
  ])("is base64 where an end is no UTF-8: %s", (_what, head, tail) => {
    const result = boundStream({ head: Uint8Array.from(head), tail: Uint8Array.from(tail), bytes: 1000 }, 200);
    expect(result.encoding).toBe("base64");
  });

  it("gives the tail what the head has no use for", () => {
    const stream = bytesOf("x".repeat(2000));
    const sample = { head: stream.subarray(0, 10), tail: stream.subarray(1000), bytes: 2000 };
    const result = boundStream(sample, 500);
    expect(result.head).toBe(10);
    expect(jsonBytes(result.text)).toBeGreaterThan(495);
  });
});

describe("two streams", () => {
  const budget = 2000;
  const of = (stdout: string, stderr: string) =>
    boundStreams({ stdout: whole(bytesOf(stdout)), stderr: whole(bytesOf(stderr)) }, budget);
  const sizes = ({ stdout, stderr }: ReturnType<typeof of>) =>
    [jsonBytes(stdout.text), jsonBytes(stderr.text)] as const;

  it.each<[string, number, number, boolean, boolean]>([
    ["both fit", 900, 900, false, false],
    ["one is small, the other has its room", 1900, 90, false, false],
    ["the other way round", 90, 1900, false, false],
    ["both are large", 5000, 5000, true, true],
    ["one is too large even for all the room", 5000, 10, true, false],
    ["the small one is never shortened", 5000, 990, true, false],
    ["exactly all", 998, 998, false, false],
    ["one more", 999, 998, true, false],
  ])("share one budget: %s", (_what, stdout, stderr, stdoutCut, stderrCut) => {
    const shared = of("o".repeat(stdout), "e".repeat(stderr));
    expect([shared.stdout.truncated, shared.stderr.truncated]).toEqual([stdoutCut, stderrCut]);
    const [first, second] = sizes(shared);
    expect(first + second).toBeLessThanOrEqual(budget);
    // A stream that is cut gets at least half, and whatever the other does not need.
    if (stdoutCut) expect(first).toBeGreaterThan(Math.max(budget / 2, budget - second) - 10);
    if (stderrCut) expect(second).toBeGreaterThan(budget / 2 - 10);
  });

  it("keep the default budget, whatever comes", () => {
    const big = 2_000_000;
    for (const fill of ["x", "\0", "€", "\u00ff"]) {
      const stream = bytesOf(fill.repeat(big));
      const sample = ends(stream, maximumSliceBytes);
      const { stdout, stderr } = boundStreams({ stdout: sample, stderr: sample });
      expect(jsonBytes(stdout.text) + jsonBytes(stderr.text)).toBeLessThanOrEqual(defaultStreamBudget);
      expect(jsonBytes(stdout.text)).toBeGreaterThan(defaultStreamBudget / 2 - 10);
    }
  });

  it("lose nothing by the bounds of what must be read", () => {
    const pick = random(7);
    const empty = whole(none);
    for (const length of [maximumWholeBytes - 2, maximumWholeBytes, maximumWholeBytes + 1, 2 * maximumWholeBytes]) {
      const text = randomText(pick, Math.floor(length / 6));
      const stream = bytesOf(text + "x".repeat(length - Buffer.byteLength(text)));
      const read = length <= maximumWholeBytes ? whole(stream) : ends(stream, maximumSliceBytes);
      expect(boundStreams({ stdout: read, stderr: empty })).toEqual(
        boundStreams({ stdout: whole(stream), stderr: empty }),
      );
    }
  });
});
