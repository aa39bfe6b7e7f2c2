/** Tool schemas as model APIs accept them. */
import { describe, expect, test } from "vitest";
import { cancelExecution } from "#client/mcp/tools/cancel-execution";
import { getExecution } from "#client/mcp/tools/get-execution";
import { listExecutions } from "#client/mcp/tools/list-executions";
import { listLanguages } from "#client/mcp/tools/list-languages";
import { readOutput } from "#client/mcp/tools/read-output";
import { runCode } from "#client/mcp/tools/run-code";
import { startCode } from "#client/mcp/tools/start-code";
import { runCodeTool } from "#client/tools/index";
import { modelRequestSchema } from "#client/tools/model-request";
import { inputJsonSchema, withoutNulls } from "#client/tools/model-schema";
import { standardSchema } from "#client/tools/standard-schema";

/**
 * The keywords by type in OpenAI, "Structured model outputs", section "Supported schemas"
 * (platform.openai.com/docs/guides/structured-outputs). `default`, `minLength`, `maxLength`, `not` and `allOf` are not
 * supported.
 */
const openAi = [
  ...["type", "title", "description", "enum", "const", "anyOf", "$ref", "$defs", "definitions"],
  ...["properties", "required", "additionalProperties", "items", "minItems", "maxItems"],
  ...["pattern", "format", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
];

/**
 * The subset of JSON Schema in Google, Gemini API, "GenerationConfig.responseJsonSchema"
 * (ai.google.dev/api/generate-content), which `FunctionDeclaration.parametersJsonSchema` shares.
 */
const gemini = [
  ...["$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems"],
  ...["minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required"],
];

/** All keywords of a schema, at every depth. */
function keywordsOf(schema: unknown): string[] {
  if (Array.isArray(schema)) return schema.flatMap(keywordsOf);
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([name, value]) => {
    if (name === "properties") return [name, ...Object.values(value).flatMap(keywordsOf)];
    return name === "enum" || name === "required" ? [name] : [name, ...keywordsOf(value)];
  });
}

const tools = [runCode, startCode, getExecution, readOutput, cancelExecution, listExecutions, listLanguages];
const tool = runCodeTool();
const converters = standardSchema(modelRequestSchema)["~standard"].jsonSchema;
const schemas: [string, unknown][] = [
  ...tools.map(({ name, input }): [string, unknown] => [`MCP ${name}`, inputJsonSchema(input)]),
  ["kgents/tools", tool.inputSchema],
  ["for OpenAI's Chat Completions", tool.openai.function.parameters],
  ["for OpenAI's Responses", tool.openaiResponses.parameters],
  ["for Anthropic", tool.anthropic.input_schema],
  ["for the AI SDK", converters.input({ target: "draft-07" })],
];

describe.each(schemas)("the schema of %s", (_, schema) => {
  test("has only keywords that all APIs take", () => {
    for (const keyword of new Set(keywordsOf(schema))) {
      expect(openAi, keyword).toContain(keyword);
      expect(gemini, keyword).toContain(keyword);
    }
  });

  test("says of every object which fields it has, and of every field what it is", () => {
    expect(schema).toMatchObject({ type: "object", additionalProperties: false });
    const { properties = {} } = schema as { properties?: Record<string, unknown> };
    for (const field of Object.values(properties)) {
      expect(field).toMatchObject({ description: expect.stringMatching(/\S/) });
    }
  });
});

test.each<[string, unknown, unknown]>([
  ["of optional fields are not given", { code: "x", language: null, args: null, stdin: null, id: null }, { code: "x" }],
  ["of limits too", { code: "x", timeout: null, memory: null, network: null }, { code: "x" }],
  [
    "of a file's field",
    { code: "x", files: [{ name: "a", content: "b", executable: null }] },
    { code: "x", files: [{ name: "a", content: "b" }] },
  ],
  ["of needed fields stay", { code: null }, { code: null }],
  ["of a file's needed field stay", { code: "x", files: [{ name: null }] }, { code: "x", files: [{ name: null }] }],
  ["of unknown fields stay", { code: "x", nonsense: null }, { code: "x", nonsense: null }],
  ["of variables stay", { code: "x", env: { A: null } }, { code: "x", env: { A: null } }],
  ["are no arguments", null, null],
  ["are not looked for in text", "null", "null"],
])("nulls %s", (_, given, taken) => {
  expect(withoutNulls(modelRequestSchema, given)).toEqual(taken);
});
