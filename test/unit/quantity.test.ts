import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "#core/text/duration";
import { formatBytes, formatCpu, parseBytes, parseCpu, parseQuantity } from "#core/text/quantity";

describe("parseCpu", () => {
  it.each([
    ["200m", 200],
    ["0.5", 500],
    [" 2 ", 2000],
    [2, 2000],
    [0.29, 290],
    ["1.001", 1001],
    ["0", 0],
    ["0.5m", undefined],
    ["1.0001", undefined],
    ["-1", undefined],
    ["1e3", undefined],
    ["1Mi", undefined],
    ["m", undefined],
    ["", undefined],
    ["0x10", undefined],
    [Number.NaN, undefined],
  ])("reads %j as %j", (text, expected) => {
    expect(parseCpu(text)).toBe(expected);
  });
});

describe("parseBytes", () => {
  it.each([
    ["1", 1],
    [1000, 1000],
    ["1k", 1000],
    ["1M", 1e6],
    ["1G", 1e9],
    ["1T", 1e12],
    ["1Ki", 1024],
    ["256Mi", 268_435_456],
    ["1.5Gi", 1_610_612_736],
    ["1Ti", 2 ** 40],
    // Rounded up, like Kubernetes.
    ["0.1Ki", 103],
    ["1K", undefined],
    ["1mi", undefined],
    ["1MB", undefined],
    ["1 Mi", undefined],
    ["-1Mi", undefined],
    ["", undefined],
    ["Mi", undefined],
    ["9007199254740993", undefined],
    ["99999Ti", undefined],
  ])("reads %j as %j", (text, expected) => {
    expect(parseBytes(text)).toBe(expected);
  });
});

describe("parseQuantity reads all of Kubernetes' notations", () => {
  it.each<[text: string, ones: number | undefined, thousandths: number | undefined]>([
    ["0", 0, 0],
    ["1", 1, 1000],
    ["+1", 1, 1000],
    ["-1", -1, -1000],
    ["0.1", 1, 100],
    [".5", 1, 500],
    ["5.", 5, 5000],
    ["0.0001", 1, 1],
    ["1n", 1, 1],
    ["1500000n", 1, 2],
    ["1u", 1, 1],
    ["2500u", 1, 3],
    ["100m", 1, 100],
    ["1001m", 2, 1001],
    ["1k", 1e3, 1e6],
    ["1M", 1e6, 1e9],
    ["1G", 1e9, 1e12],
    ["1T", 1e12, 1e15],
    ["1P", 1e15, 1e18],
    ["1E", 1e18, 1e21],
    ["1Ki", 2 ** 10, 2 ** 10 * 1000],
    ["1.5Mi", 1_572_864, 1_572_864_000],
    ["1Gi", 2 ** 30, 2 ** 30 * 1000],
    ["1Ti", 2 ** 40, 2 ** 40 * 1000],
    ["1Pi", 2 ** 50, 2 ** 50 * 1000],
    ["1Ei", 2 ** 60, 2 ** 60 * 1000],
    ["1e3", 1000, 1e6],
    ["1E3", 1000, 1e6],
    ["1.5e+3", 1500, 1.5e6],
    ["12e-1", 2, 1200],
    ["1E-3", 1, 1],
    // Values out of range are clamped to the largest or smallest one.
    ["9e99999", 2 ** 63, 2 ** 63 * 1000],
    ["1e-99999", 1, 1],
    ["10Ei", 2 ** 63, 2 ** 63 * 1000],
    ["", undefined, undefined],
    [".", undefined, undefined],
    ["m", undefined, undefined],
    ["1e", undefined, undefined],
    ["1 Gi", undefined, undefined],
    [" 1", undefined, undefined],
    ["1K", undefined, undefined],
    ["1ki", undefined, undefined],
    ["1mi", undefined, undefined],
    ["1GB", undefined, undefined],
    ["1e3Ki", undefined, undefined],
    ["0x10", undefined, undefined],
    ["1,000", undefined, undefined],
    ["NaN", undefined, undefined],
    ["Infinity", undefined, undefined],
  ])("%j", (text, ones, thousandths) => {
    expect([parseQuantity(text), parseQuantity(text, 1000)]).toEqual([ones, thousandths]);
  });
});

describe("quantities as Kubernetes writes them", () => {
  it.each([
    [200, "200m"],
    [2000, "2"],
    [1500, "1500m"],
  ])("cpu %j is %j", (millicores, expected) => {
    expect(formatCpu(millicores)).toBe(expected);
    expect(parseCpu(expected)).toBe(millicores);
  });

  it.each([
    [0, "0"],
    [1000, "1000"],
    [1024, "1Ki"],
    [1.5 * 2 ** 30, "1536Mi"],
    [2 ** 40, "1Ti"],
  ])("%j bytes are %j", (bytes, expected) => {
    expect(formatBytes(bytes)).toBe(expected);
    expect(parseBytes(expected)).toBe(bytes);
  });
});

describe("durations", () => {
  it.each([
    [30, 30_000],
    ["30", 30_000],
    ["1.5s", 1500],
    ["500ms", 500],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
    [" 1s ", 1000],
    [0, 0],
    [-20, undefined],
    ["-20", undefined],
    ["+1", undefined],
    ["1e3", undefined],
    ["1h30m", undefined],
    ["1 s", undefined],
    ["s", undefined],
    ["", undefined],
    ["1S", undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
  ])("reads %j as %j milliseconds", (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each([
    [250, "250 ms"],
    [1500, "1.5 s"],
    [90_000, "90 s"],
    [300_000, "5 min"],
    [7_200_000, "2 h"],
  ])("writes %j as %j", (milliseconds, expected) => {
    expect(formatDuration(milliseconds)).toBe(expected);
  });
});
