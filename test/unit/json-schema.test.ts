/** The JSON Schemas that programs in other languages check against, as a validator of theirs sees them. */
import { readFile } from "node:fs/promises";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { type FailureKind, failureKinds } from "../../core/failure.ts";
import {
  failureJsonSchema,
  jsonSchemaNames,
  printedJsonSchema,
  requestJsonSchema,
  resultJsonSchema,
} from "../../core/json-schema.ts";
import { parseRequest } from "../../core/parse-request.ts";
import { requestSchema } from "../../core/request.ts";
import { resultSchema } from "../../core/result.ts";
import { accepted, refused } from "../support/requests.ts";

const compile = (schema: object) => new Ajv2020({ strictTypes: false, formats }).compile(schema);
/** Formats say more to people than to validators, which ignore them unless told otherwise. */
const formats = { base64: true, "date-time": true } as const;

it.each(jsonSchemaNames)("docs/schema/%s.json is what the code has", async (name) => {
  const kept = await readFile(new URL(`../../docs/schema/${name}.json`, import.meta.url), "utf8");
  expect(kept, "`npm run docs:schema` writes it anew").toBe(printedJsonSchema(name));
});

describe("the JSON Schema of a request", () => {
  const schema = requestJsonSchema();
  const isValid = compile(schema);

  it("has every field, no other allowed", () => {
    expect(Object.keys(schema.properties ?? {})).toEqual(Object.keys(requestSchema.shape));
    expect(schema.required ?? []).toEqual([]);
    expect(schema.additionalProperties).toBe(false);
  });

  it("says of every field what it is", () => {
    for (const field of Object.values(schema.properties ?? {})) {
      expect(field).toMatchObject({ description: expect.stringMatching(/\S/) });
    }
  });

  it("gives defaults as a client would write them", () => {
    const defaults = Object.fromEntries(
      Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
        typeof field === "object" && "default" in field ? [[name, field.default]] : [],
      ),
    );
    expect(defaults).toMatchObject({
      timeout: "30s",
      cpu: "100m",
      memory: "128Mi",
      language: "python",
      network: false,
    });
    expect(parseRequest({ code: "x", ...defaults })).toEqual(parseRequest({ code: "x" }));
    expect(isValid({ code: "x", ...defaults })).toBe(true);
  });

  it("has patterns that validators in other languages understand", () => {
    const patterns = JSON.stringify(schema).match(/"pattern":"(?:[^"\\]|\\.)*"/g) ?? [];
    expect(patterns.length).toBeGreaterThan(10);
    for (const pattern of patterns) expect(pattern).not.toMatch(/\(\?[=!<]|\\\\[pu]/);
  });

  it.each(accepted)("%#: accepts what a worker accepts", (request) => {
    isValid(JSON.parse(JSON.stringify(request)));
    expect(isValid.errors ?? []).toEqual([]);
  });

  /** What JSON Schema cannot say: sizes in bytes, well-formed text, quantities of text, how names go together. */
  const beyond = [
    /bytes of JSON|lone surrogate|text of 3277\d bytes/,
    /^files\.0\.name: got "(?:\\ud800|ü+)/,
    /^files: got "a" (?:twice|as a file)|^entrypoint: got "a"/,
    /^\w+: got "\d+(?:\.\d+)?[A-Za-z]*\d*[a-z]?"; allowed is a (?:quantity|duration)/,
    // zod leaves it out of what it checks.
    /__proto__/,
  ];
  /** What JSON cannot say. */
  const isJson = (request: unknown): boolean => {
    const has = (test: (value: unknown) => boolean, value: unknown): boolean =>
      test(value) ||
      (typeof value === "object" && value !== null && Object.values(value).some((part) => has(test, part)));
    return !has((value) => value === undefined || typeof value === "bigint" || Object.is(value, Number.NaN), request);
  };
  const sayable = refused.filter(([request]) => {
    if (!isJson(request)) return false;
    try {
      parseRequest(request);
    } catch (error) {
      return !beyond.some((exception) => exception.test((error as Error).message));
    }
    return true;
  });

  it("leaves little to the worker", () => {
    expect(sayable.length).toBeGreaterThan(0.75 * refused.length);
  });

  it.each(sayable)("%#: refuses what a worker refuses", (request) => {
    expect(isValid(JSON.parse(JSON.stringify(request))), JSON.stringify(request).slice(0, 200)).toBe(false);
  });
});

describe("the JSON Schema of a result", () => {
  it("requires every field, and lets others be added", () => {
    const schema = resultJsonSchema();
    expect(schema.required).toEqual(Object.keys(resultSchema.shape));
    expect(JSON.stringify(schema)).not.toContain("additionalProperties");
    compile(schema);
  });
});

describe("the JSON Schema of a failure", () => {
  const isValid = compile(failureJsonSchema());
  const remedy = "Do something.";

  it.each(Object.keys(failureKinds) as FailureKind[])("knows %s", (kind) => {
    expect(isValid({ kind, remedy })).toBe(true);
    expect(isValid({ kind, remedy, field: "code" })).toBe(true);
  });

  it.each([{ kind: "bad-luck", remedy }, { kind: "internal" }, { remedy }, { kind: "internal", remedy, field: 3 }])(
    "refuses %j",
    (detail) => {
      expect(isValid(detail)).toBe(false);
    },
  );
});
