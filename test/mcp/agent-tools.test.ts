/** `kgents/tools` as other programs use it: with the types of the frameworks, and by running code. */
import { asSchema, generateText, stepCountIs, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { afterAll, beforeAll, describe, expect, expectTypeOf, inject, test } from "vitest";
import { type RunCodeTool, runCodeTool } from "#client/tools/index";
import { openYard, type Yard } from "../api/support.ts";
import { processesRunning } from "../support/processes.ts";

let yard: Yard;
let runCode: RunCodeTool;
beforeAll(async () => {
  yard = await openYard(inject("temporalAddress"));
  runCode = runCodeTool({ quartermaster: yard.quartermaster(), fixed: { labels: { from: "test" }, fallback: true } });
});
afterAll(() => yard[Symbol.asyncDispose]());

// The packages of OpenAI and Anthropic are 35 and 29 MB. These are copies of their types, without unused optional
// fields.

/** `ChatCompletionFunctionTool` of openai 7.57.0, resources/chat/completions/completions.d.ts and resources/shared.d.ts. */
interface OpenAiChatTool {
  function: {
    name: string;
    description?: string;
    parameters?: { [key: string]: unknown };
    strict?: boolean | null;
  };
  type: "function";
}

/** `FunctionTool` of openai 7.57.0, resources/responses/responses.d.ts. */
interface OpenAiResponsesTool {
  name: string;
  parameters: { [key: string]: unknown } | null;
  strict: boolean | null;
  type: "function";
  description?: string | null;
}

/** `Tool` of @anthropic-ai/sdk 1.14.0, resources/messages/messages.d.ts. */
interface AnthropicTool {
  input_schema: { type: "object"; properties?: unknown | null; required?: Array<string> | null; [k: string]: unknown };
  name: string;
  description?: string;
  strict?: boolean;
  type?: "custom" | null;
}

describe("formats", () => {
  test("are those of the APIs, by type", () => {
    expectTypeOf<RunCodeTool["openai"]>().toExtend<OpenAiChatTool>();
    expectTypeOf<RunCodeTool["openaiResponses"]>().toExtend<OpenAiResponsesTool>();
    expectTypeOf<RunCodeTool["anthropic"]>().toExtend<AnthropicTool>();
  });

  test("have one name, one description and one schema", () => {
    const { name, description, inputSchema } = runCode;
    expect(name).toBe("run_code");
    expect(inputSchema).toMatchObject({ type: "object", required: ["code"], additionalProperties: false });
    expect(runCode.openai).toEqual({ type: "function", function: { name, description, parameters: inputSchema } });
    expect(runCode.openaiResponses).toEqual({
      type: "function",
      name,
      description,
      parameters: inputSchema,
      strict: false,
    });
    expect(runCode.anthropic).toEqual({ name, description, input_schema: inputSchema });
  });

  test("are JSON all the way", () => {
    for (const format of [runCode.openai, runCode.openaiResponses, runCode.anthropic]) {
      expect(JSON.parse(JSON.stringify(format))).toEqual(format);
    }
  });
});

describe("execute", () => {
  test.each<[string, unknown]>([
    ["an object, as Anthropic's API gives it", { code: "print(6 * 7)" }],
    ["JSON, as OpenAI's API gives it", '{"code": "print(6 * 7)"}'],
    ["all fields, as OpenAI's strict mode has it", '{"code": "print(6 * 7)", "language": null, "args": null}'],
  ])("takes %s", async (_, input) => {
    const output = await runCode.execute(input);
    expect(output).toMatchObject({ ok: true, result: { status: "succeeded", stdout: { text: "42\n" } } });
    expect(output.text).toMatch(
      /^succeeded, exit code 0 .*\n(?:.*\n)*<stdout (\w+)>\n42\n<\/stdout \1>\nstderr: empty$/,
    );
  });

  test.each<[string, unknown, object]>([
    ["no JSON", "print(1)", { kind: "invalid-request" }],
    ["no object", "[1]", { kind: "invalid-request" }],
    ["no code", {}, { kind: "invalid-request", field: "code" }],
    ["a field of the operator", { code: "1", backend: "kubernetes" }, { kind: "invalid-request", field: "backend" }],
    ["a wrong language", { code: "1", language: "cobol" }, { kind: "unsupported-language" }],
  ])("answers what is wrong with %s", async (_, input, failure) => {
    const output = await runCode.execute(input);
    expect(output).toMatchObject({ ok: false, failure, text: expect.stringMatching(/^error: /) });
  });

  test("tells of output while the code runs, and is cancelled by a signal", async () => {
    const controller = new AbortController();
    const chunks: Uint8Array[] = [];
    const output = await runCode.execute(
      { code: "echo begun; exec sleep 7321", language: "sh", timeout: "2h" },
      {
        signal: controller.signal,
        onOutput: (event) => {
          if (event.type === "output") chunks.push(event.bytes);
          controller.abort();
        },
      },
    );
    expect(output).toMatchObject({ ok: true, result: { status: "cancelled", stdout: { text: "begun\n" } } });
    expect(Buffer.concat(chunks).toString()).toBe("begun\n");
    expect(await processesRunning("sleep 7321")).toEqual([]);
    await expect(runCode.execute({ code: "1" }, { signal: controller.signal })).rejects.toThrow();
  });

  test("what is fixed wins over what the model says", async () => {
    const strictTool = runCodeTool({ quartermaster: yard.quartermaster(), fixed: { network: false, timeout: 1 } });
    const output = await strictTool.execute({ code: "while True: pass", timeout: "1h", network: true });
    expect(output).toMatchObject({ ok: true, result: { status: "timed-out" } });
    expect(output.text).toContain("Raise `timeout`");
  });
});

describe("the Vercel AI SDK", () => {
  test("takes it by type, and reads its schema", async () => {
    const made = tool(runCode.aiSdk);
    expect(made.description).toBe(runCode.description);
    const schema = asSchema(runCode.aiSdk.inputSchema);
    expect(await schema.jsonSchema).toMatchObject({ type: "object", required: ["code"], additionalProperties: false });
    expect(await schema.validate?.({ code: "print(1)" })).toEqual({ success: true, value: { code: "print(1)" } });
    expect(await schema.validate?.({ code: 1 })).toMatchObject({ success: false });
  });

  test("calls it, and gives the model the text", async () => {
    const usage = {
      inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: 1, text: 1, reasoning: 0 },
    };
    const seen: string[] = [];
    // The SDK's mock model: a real one costs money, and its answers vary.
    const model = new MockLanguageModelV4({
      doGenerate: async ({ prompt }) => {
        const last = prompt.at(-1);
        if (last?.role !== "tool") {
          const input = JSON.stringify({ code: "print('by the SDK')" });
          return {
            content: [{ type: "tool-call", toolCallId: "1", toolName: "run_code", input }],
            finishReason: { unified: "tool-calls", raw: undefined },
            usage,
            warnings: [],
          };
        }
        seen.push(JSON.stringify(last.content));
        return {
          content: [{ type: "text", text: "done" }],
          finishReason: { unified: "stop", raw: undefined },
          usage,
          warnings: [],
        };
      },
    });
    const { text } = await generateText({
      model,
      prompt: "run it",
      stopWhen: stepCountIs(2),
      tools: { run_code: tool(runCode.aiSdk) },
    });
    expect(text).toBe("done");
    expect(seen).toMatchObject([expect.stringContaining("by the SDK")]);
    expect(seen[0]).toContain('"type":"text","value":"succeeded, exit code 0');
  });
});
