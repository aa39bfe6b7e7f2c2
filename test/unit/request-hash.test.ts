import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parseRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import { canonicalJson, contentHash, requestHash, sha256 } from "#core/contract/request-hash";

const hashOf = (request: ExecutionRequest): Promise<string> => requestHash(parseRequest(request));
const base: ExecutionRequest = { code: "x", env: { A: "1", B: "2" }, args: ["a", "b"] };

describe("canonicalJson", () => {
  it("sorts names at every depth, and leaves the order of lists", () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }, 1], a: { z: null, y: undefined } })).toBe(
      '{"a":{"z":null},"b":[{"c":2,"d":1},1]}',
    );
  });
});

describe("sha256", () => {
  it.each(["", "abc", "ü😀", "\0"])("of %j is what node says", async (text) => {
    expect(await sha256(text)).toBe(createHash("sha256").update(text).digest("hex"));
  });

  it("is the same for content in each form", async () => {
    const expected = await sha256("héllo");
    const base64 = Buffer.from("héllo").toString("base64");
    expect(await contentHash("héllo")).toBe(expected);
    expect(await contentHash({ base64 })).toBe(expected);
    expect(await contentHash({ artifact: expected, bytes: 6 })).toBe(expected);
  });
});

describe("the hash of a request", () => {
  it.each<[string, ExecutionRequest]>([
    ["the order of fields", { args: ["a", "b"], env: { B: "2", A: "1" }, code: "x" }],
    ["defaults that are said", { ...base, timeout: 30, language: "python" }],
    ["how a value is written", { ...base, timeout: "30s", cpu: "1000m", memory: 512 * 2 ** 20 }],
    ["how output is followed", { ...base, live: "heartbeat" }],
    ["who asks", { ...base, requester: "somebody" }],
  ])("does not depend on %s", async (_what, request) => {
    expect(await hashOf(request)).toBe(await hashOf(base));
  });

  it.each<[string, ExecutionRequest]>([
    ["code", { ...base, code: "y" }],
    ["the order of arguments", { ...base, args: ["b", "a"] }],
    ["a variable", { ...base, env: { A: "1", B: "3" } }],
    ["a limit", { ...base, timeout: 31 }],
    ["the network", { ...base, network: true }],
    ["a label", { ...base, labels: { a: "b" } }],
  ])("depends on %s", async (_what, request) => {
    expect(await hashOf(request)).not.toBe(await hashOf(base));
  });

  it("is 64 hexadecimal digits", async () => {
    expect(await hashOf(base)).toMatch(/^[0-9a-f]{64}$/);
  });
});
