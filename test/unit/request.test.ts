import { describe, expect, it } from "vitest";
import { parseRequest, validateRequest } from "#core/contract/parse-request";
import { maximumCodeBytes } from "#core/contract/request";
import { accepted, refusalOf, refused, secret } from "../support/requests.ts";

describe("a bad request", () => {
  it.each(refused)("%#: is refused by name", (input, field, message) => {
    const error = refusalOf(input);
    expect(error.code).toBe("invalid-request");
    expect(error.field).toBe(field);
    expect(error.message).toContain(message);
    expect(error.message.startsWith(`${field}: got `)).toBe(true);
    expect(error.message).toMatch(/; allowed is ./);
    // zod's own messages, which must not appear in a history.
    expect(error.message).not.toMatch(/Invalid|expected|must match|Too (big|small)/);
    expect(`${error.message} ${JSON.stringify(error.cause)}`).not.toContain(secret);
    expect(error.message.length).toBeLessThan(600);
  });
});

describe("a good request", () => {
  it.each(accepted)("%#: is read as it is meant", (input, expected) => {
    expect(parseRequest(input)).toMatchObject(expected);
  });

  it("gets every default", () => {
    expect(parseRequest({ code: "x" })).toEqual({
      code: "x",
      files: [],
      language: "python",
      args: [],
      env: {},
      timeout: 30_000,
      startupTimeout: 60_000,
      cpu: 1000,
      memory: 512 * 2 ** 20,
      disk: 100 * 2 ** 20,
      network: false,
      backend: "auto",
      fallback: true,
      outputs: [],
      ttl: 60_000,
      labels: {},
      live: "none",
      retry: { maximumAttempts: 1 },
    });
  });

  it("shares no default with another request", () => {
    const first = parseRequest({ code: "x" });
    first.files.push({ name: "a", content: "x", executable: false });
    first.env.A = "x";
    expect(parseRequest({ code: "x" })).toMatchObject({ files: [], env: {} });
  });

  it("may be exactly 1 MiB of JSON, and not a byte more", () => {
    const code = "x".repeat(2 ** 20 - JSON.stringify({ code: "" }).length);
    expect(parseRequest({ code }).code).toBe(code);
    expect(refusalOf({ code: `${code}x` }).message).toContain("got 1048577 bytes of JSON; allowed is 1048576");
  });

  it("may be larger before its contents are moved to the store", () => {
    const code = "x".repeat(2 * 2 ** 20);
    expect(validateRequest({ code }).code).toBe(code);
    expect(() => validateRequest({ code: "x".repeat(maximumCodeBytes + 1) })).toThrow(
      "code: got text of 16777217 bytes",
    );
  });
});
