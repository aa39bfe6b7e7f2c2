import { describe, expect, it } from "vitest";
import { requestJsonSchema, resultJsonSchema } from "../../core/json-schema.ts";
import { parseRequest } from "../../core/parse-request.ts";
import { requestSchema } from "../../core/request.ts";
import { resultSchema } from "../../core/result.ts";

describe("the JSON Schema of a request", () => {
  const schema = requestJsonSchema();

  it("has every field, none required, no other allowed", () => {
    expect(Object.keys(schema.properties ?? {})).toEqual(Object.keys(requestSchema.shape));
    expect(schema.required ?? []).toEqual([]);
    expect(schema.additionalProperties).toBe(false);
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
  });

  it("survives JSON", () => {
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  });
});

describe("the JSON Schema of a result", () => {
  it("requires every field", () => {
    expect(resultJsonSchema().required).toEqual(Object.keys(resultSchema.shape));
  });
});
