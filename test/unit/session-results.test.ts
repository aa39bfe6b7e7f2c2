/** What is kept of the calls of a session, and what a model is shown of them. */
import { ApplicationFailure } from "@temporalio/workflow";
import { describe, expect, test } from "vitest";
import { kernelOutput } from "#activities/kernel-output";
import { showDisplays } from "#client/tools/session-call";
import type { CallResult } from "#core/contract/session/result";
import { createRecentUpdates } from "#workflows/session/recent-updates";

const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]);
const content = (bytes: Buffer) => ({
  data: bytes.toString("base64"),
  ref: null,
  encoding: "base64" as const,
  bytes: bytes.length,
});
const result = (displays: CallResult["displays"]): CallResult => ({
  call: 1,
  status: "succeeded",
  exitCode: 0,
  signal: null,
  reason: null,
  error: null,
  stdout: { text: "", encoding: "utf-8", truncated: false, bytes: 0, sha256: "", ref: null },
  stderr: { text: "", encoding: "utf-8", truncated: false, bytes: 0, sha256: "", ref: null },
  displays,
  displaysOmitted: 0,
  kernel: "new",
  restored: null,
  files: [],
  filesOmitted: [],
  timings: { started: null, finished: new Date(0).toISOString() },
  language: "python",
  usage: { peakMemoryBytes: null, cpuSeconds: null },
});

describe("pictures", () => {
  test("only bytes of the type that was named are shown as a picture", async () => {
    const plain = { data: "a figure", ref: null, encoding: "utf-8" as const, bytes: 8 };
    const shown = await showDisplays(
      result([
        { "image/png": content(png) },
        { "image/png": content(Buffer.from("<script>")), "text/plain": plain },
        { "image/jpeg": content(png) },
      ]),
      undefined,
    );
    expect(shown.pictures).toEqual([{ base64: png.toString("base64"), mediaType: "image/png" }]);
    expect(shown.texts).toEqual(["a figure"]);
    expect(shown.remarks).toEqual([
      "A value that was shown as image/png is none.",
      "A value that was shown as image/jpeg is none.",
    ]);
  });
});

describe("sizes are counted in bytes", () => {
  test("text of three bytes a character that is too large for a result goes to the store", async () => {
    const text = JSON.stringify({ status: "ok", call: 1, displays: [{ "text/plain": "€".repeat(200_000) }] });
    const { displays } = await kernelOutput({ text }, async (index) => `kept-${index}`);
    expect(displays[0]?.["text/plain"]).toMatchObject({ bytes: 600_000, ref: "kept-0" });
  });

  test("answers and failures of earlier updates have one bound together", () => {
    const recent = createRecentUpdates([]);
    recent.add("first", "x".repeat(1000));
    recent.add("euro", "€".repeat(150_000));
    expect(recent.find("first")?.value).toHaveLength(1000);
    for (const id of ["a", "b", "c"]) {
      recent.addFailure(id, ApplicationFailure.create({ type: "system-error", message: "m".repeat(100_000) }));
    }
    expect(JSON.stringify(recent.all()).length).toBeLessThan(400_000);
    expect(() => recent.find("euro")).toThrow("its answer is not kept any more");
    expect(() => recent.find("c")).toThrow("mmm");
  });
});
