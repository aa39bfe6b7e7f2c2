import { describe, expect, it } from "vitest";
import { closest } from "#core/text/closest";

const names = ["code", "cpu", "timeout", "memory", "startupTimeout"];

describe("closest", () => {
  it.each([
    ["timeot", "timeout"],
    ["tiemout", "timeout"],
    ["TIMEOUT", "timeout"],
    ["cup", "cpu"],
    ["cod", "code"],
    ["coded", "code"],
    ["startup-timeout", "startupTimeout"],
    ["image", undefined],
    ["x", undefined],
    ["", undefined],
    ["timeout".repeat(100), undefined],
  ])("takes %j for %j", (word, expected) => {
    expect(closest(word, names)).toBe(expected);
  });

  it("takes the nearest of several", () => {
    expect(closest("cpus", ["cups", "cpu", "corpus"])).toBe("cups");
    expect(closest("a", [])).toBeUndefined();
  });
});
