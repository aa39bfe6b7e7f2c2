/** The JSON Schemas for programs in other languages, checked with such a validator. */
import { describe, expect, it } from "vitest";
import { type FailureKind, failureKinds } from "#core/contract/failure";
import { jsonSchemaNames, printedJsonSchema, requestJsonSchema, resultJsonSchema } from "#core/contract/json-schema";
import { parseRequest } from "#core/contract/parse-request";
import { requestSchema } from "#core/contract/request";
import { resultSchema } from "#core/contract/result";
import { keptJsonSchema, schemaErrors } from "../support/json-schemas.ts";
import { accepted, refusalOf, refused } from "../support/requests.ts";

it.each(jsonSchemaNames)("docs/schema/%s.json is what the code has", async (name) => {
  expect(await keptJsonSchema(name), "`npm run docs:schema` writes it anew").toBe(printedJsonSchema(name));
});

describe("the JSON Schema of a request", () => {
  const schema = requestJsonSchema();

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
      cpu: "1",
      memory: "512Mi",
      language: "python",
      network: false,
    });
    expect(parseRequest({ code: "x", ...defaults })).toEqual(parseRequest({ code: "x" }));
    expect(schemaErrors("request", { code: "x", ...defaults })).toEqual([]);
  });

  it("has patterns that validators in other languages understand", () => {
    const patterns = JSON.stringify(schema).match(/"pattern":"(?:[^"\\]|\\.)*"/g) ?? [];
    expect(patterns.length).toBeGreaterThan(10);
    for (const pattern of patterns) expect(pattern).not.toMatch(/\(\?[=!<]|\\\\[pu]/);
  });

  it.each(accepted)("%#: accepts what a worker accepts", (request) => {
    expect(schemaErrors("request", request)).toEqual([]);
  });

  /** What JSON Schema cannot express: sizes in bytes, well-formed text, quantities as text, relations between names. */
  const beyond = [
    /bytes of JSON|lone surrogate|text of 3277\d bytes/,
    /^files\.0\.name: got "(?:\\ud800|ü+)/,
    /^files: got "a" (?:twice|as a file)|^entrypoint: got "a"/,
    /^\w+: got "\d+(?:\.\d+)?[A-Za-z]*\d*[a-z]?"; allowed is a (?:quantity|duration)/,
    // zod omits it from validation.
    /__proto__/,
  ];
  const isJson = (request: unknown): boolean => {
    try {
      return JSON.stringify(request) !== undefined;
    } catch {
      return false;
    }
  };
  const sayable = refused.filter(
    ([request]) => isJson(request) && !beyond.some((exception) => exception.test(refusalOf(request).message)),
  );

  it("leaves little to the worker", () => {
    expect(sayable.length).toBeGreaterThan(0.75 * refused.length);
  });

  it.each(sayable)("%#: refuses what a worker refuses", (request) => {
    expect(schemaErrors("request", request), JSON.stringify(request).slice(0, 200)).not.toEqual([]);
  });
});

describe("the JSON Schema of a result", () => {
  it("requires every field but those of remarks, and lets others be added", () => {
    const schema = resultJsonSchema();
    const optional = ["notices", "environment"];
    expect(schema.required).toEqual(Object.keys(resultSchema.shape).filter((name) => !optional.includes(name)));
    expect(JSON.stringify(schema)).not.toContain("additionalProperties");
  });
});

describe("the JSON Schema of a failure", () => {
  const remedy = "Do something.";

  it.each(Object.keys(failureKinds) as FailureKind[])("knows %s", (kind) => {
    expect(schemaErrors("failure", { kind, remedy })).toEqual([]);
    expect(schemaErrors("failure", { kind, remedy, field: "code", more: 1 })).toEqual([]);
  });

  it.each([{ kind: "bad-luck", remedy }, { kind: "internal" }, { remedy }, { kind: "internal", remedy, field: 3 }])(
    "refuses %j",
    (detail) => {
      expect(schemaErrors("failure", detail)).not.toEqual([]);
    },
  );
});
