/** The pure parts of sessions: what is checked before an update is accepted, and what a kernel and scripts may say. */
import { describe, expect, it } from "vitest";
import { listingOf, removalOf } from "#activities/file-lists";
import { parseRunCall } from "#core/contract/session/calls";
import { kernelReport, maximumDisplayBytes, maximumDisplays } from "#core/contract/session/displays";
import { faultInSettings, faultInUpdate } from "#core/contract/session/inputs";
import type { SessionUpdate } from "#core/contract/session/names";

let deep: unknown = "x";
for (let level = 0; level < 200; level += 1) deep = [deep];

describe("an update is checked before it is accepted", () => {
  it.each<[SessionUpdate, unknown]>([
    ["run", { code: "1" }],
    ["run", { entrypoint: "a.py", args: ["b"], env: { A: "c" }, stdin: { base64: "" }, timeout: "5s", isolated: true }],
    ["writeFiles", { files: [] }],
    ["readFiles", { patterns: ["*"] }],
    ["removeFiles", { names: ["a"] }],
    ["listFiles", undefined],
    ["close", null],
    ["interrupt", {}],
  ])("%s %j is accepted", (update, argument) => {
    expect(faultInUpdate(update, argument)).toBeUndefined();
  });

  it.each<[SessionUpdate, unknown, string]>([
    ["run", undefined, "code: got nothing; allowed is code, or an entrypoint"],
    ["run", "print(1)", 'call: got "print(1)"; allowed is an object'],
    ["run", { code: "1", entrypoint: "a" }, "entrypoint: got both code and entrypoint; allowed is one of them"],
    ["run", { coed: "1" }, "coed: got an unknown field; allowed is code, files, entrypoint, isolated, args,"],
    ["run", { code: 1 }, "code: got a number; allowed is text,"],
    ["run", { code: "1", args: "secret" }, "args: got text of 6 bytes; allowed is a list"],
    ["run", { code: "1", timeout: [] }, "timeout: got a list of 0; allowed is a duration"],
    ["run", { code: "x".repeat(2 ** 20) }, "call: got 1048587 bytes of JSON; allowed is 1048576;"],
    ["run", { code: "1", files: deep }, "files: got lists or objects nested more than 100 deep"],
    ["writeFiles", {}, "files: got nothing; allowed is a list"],
    ["readFiles", { patterns: "a" }, 'patterns: got "a"; allowed is a list'],
    ["listFiles", { a: 1 }, "a: got an unknown field; allowed is no field"],
  ])("%s %# is refused by field", (update, argument, message) => {
    expect(faultInUpdate(update, argument)?.message).toContain(message);
  });

  it("only a small number of updates may be set", () => {
    expect([undefined, {}, { updates: 3 }].map(faultInSettings)).toEqual([undefined, undefined, undefined]);
    for (const updates of [0, 1.5, 2000, "3"]) expect(faultInSettings({ updates })?.field).toBe("settings.updates");
  });

  it("the schema refuses what the types allow", () => {
    expect(() => parseRunCall({ code: "1", files: [{ name: "../a", content: "" }] })).toThrow("files.0.name");
    expect(() => parseRunCall({ code: "" })).toThrow("code");
  });
});

describe("what a kernel says is checked", () => {
  const said = (more: object) => JSON.stringify({ status: "ok", displays: [], displaysOmitted: 0, call: 1, ...more });

  it.each([["no JSON"], ["null"], ["[]"], ["{}"], ['{"status":"fine"}']])("%s is no statement", (text) => {
    expect(kernelReport(text)).toBeUndefined();
  });

  it.each<[string, object, object]>([
    ["its values", { displays: [{ "text/plain": "2" }] }, { displays: [{ "text/plain": "2" }], omitted: 0, call: 1 }],
    [
      "other types are left out",
      { displays: [{ "text/plain": "2", "text/x": "3" }] },
      { displays: [{ "text/plain": "2" }] },
    ],
    ["no known type", { displays: [{ "application/javascript": "alert()" }] }, { displays: [], omitted: 1 }],
    ["no text", { displays: [{ "text/plain": 2 }, null, "x"] }, { displays: [], omitted: 3 }],
    ["a picture that is no base64", { displays: [{ "image/png": "<svg>" }] }, { displays: [], omitted: 1 }],
    [
      "a picture in lines",
      { displays: [{ "image/png": "aGVs\nbG8=\n" }] },
      { displays: [{ "image/png": "aGVsbG8=" }] },
    ],
    ["a lone surrogate", { displays: [{ "text/plain": "\ud800" }] }, { displays: [{ "text/plain": "\ufffd" }] }],
    [
      "an inherited name",
      { displays: [JSON.parse('{"__proto__": {"text/plain": "x"}}')] },
      { displays: [], omitted: 1 },
    ],
    ["numbers that are none", { displaysOmitted: -1, call: "7" }, { omitted: 0, call: null }],
    [
      "a long message",
      { status: "error", error: { name: "E", message: "x".repeat(9999) } },
      { error: { name: "E", message: "x".repeat(4096) } },
    ],
  ])("%s", (_name, more, expected) => {
    expect(kernelReport(said(more))).toMatchObject(expected);
  });

  it("has bounds of number and size", () => {
    const many = kernelReport(
      said({ displays: Array.from({ length: 40 }, () => ({ "text/plain": "x" })), displaysOmitted: 2 }),
    );
    expect([many?.displays.length, many?.omitted]).toEqual([maximumDisplays, 40 - maximumDisplays + 2]);
    const large = { "text/plain": "x".repeat(maximumDisplayBytes / 2 + 1) };
    expect(kernelReport(said({ displays: [large, large, { "text/plain": "y" }] }))).toMatchObject({ omitted: 1 });
  });
});

describe("what scripts print about files", () => {
  it("names with line breaks, outside names and other lines are only counted", () => {
    const text =
      "regular file|3|100|./b\ndirectory|60|100|./a\nregular empty file|0|1|./a/c\nfifo|0|1|./f\nregular file|1|1|./x\ny\nregular file|1|1|./../z\n";
    const { files, omitted } = listingOf({ text, encoding: "utf-8", truncated: false });
    expect(files.map(({ name, type, bytes }) => [name, type, bytes])).toEqual([
      ["a", "directory", 60],
      ["a/c", "file", 0],
      ["b", "file", 3],
      ["f", "other", 0],
      ["x", "file", 1],
    ]);
    expect(omitted).toBe(2);
    expect(listingOf({ text: "", encoding: "utf-8", truncated: true })).toEqual({ files: [], omitted: 1 });
  });

  it("a removal that nothing was said about is in neither list", () => {
    expect(removalOf(["a", "b", "c"], "removed\nmissing\n")).toEqual({ removed: ["a"], missing: ["b"] });
  });
});
