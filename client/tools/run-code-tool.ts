import { parseOrRefuse } from "#core/contract/refusal";
import type { ExecutionRequest } from "#core/contract/request";
import { type RunFailure, runFailureOf } from "../sdk/failure.ts";
import type { OutputEvent } from "../sdk/output/event.ts";
import { Quartermaster } from "../sdk/quartermaster.ts";
import { describeFailure } from "./describe-failure.ts";
import { describeCall, describeResult } from "./describe-result.ts";
import { runCodeDescription } from "./description.ts";
import { type ModelCall, modelCallSchema, requestOfModel } from "./model-request.ts";
import { inputJsonSchema, withoutNulls } from "./model-schema.ts";
import { showFiles } from "./output-files.ts";
import { runToEnd } from "./run-to-end.ts";
import { type Picture, runInSession, showDisplays } from "./session-call.ts";
import { type StandardSchema, standardSchema } from "./standard-schema.ts";
import { structuredCall, structuredResult, type ToolResult } from "./structured-result.ts";

/** Options of the tool. */
export interface RunCodeToolOptions {
  /** Carries out the runs; its owner closes it. @default one of its own, which starts the local stack if needed */
  readonly quartermaster?: Quartermaster;
  /** @default "run_code" */
  readonly name?: string;
  /** The tool's description for the model. @default the description of the tool of `kgents mcp` */
  readonly description?: string;
  /** The requester in the history of runs. @default "tool:" and the name */
  readonly requester?: string;
  /** Fields of every request that override the model's, such as `backend`, `labels` or `network`. */
  readonly fixed?: Omit<ExecutionRequest, "code" | "files">;
}

/** Options of one call. */
export interface ExecuteOptions {
  /** Cancels the run; its result then says so. */
  readonly signal?: AbortSignal | undefined;
  /** Called with output while the code runs. */
  readonly onOutput?: ((event: OutputEvent) => void) | undefined;
}

/** The output of a call. */
export type ToolOutput = {
  /** The text for the model: the outcome of the code and its output, quoted; or the error, and what to change. */
  readonly text: string;
} & (
  | {
      readonly ok: true;
      readonly result: ToolResult;
      /** Pictures that code in a session has shown. */
      readonly pictures?: readonly Picture[];
      readonly failure?: undefined;
    }
  /** The request was rejected, or the run could not be carried out. Code that fails is a result. */
  | { readonly ok: false; readonly failure: RunFailure; readonly result?: undefined }
);

/** The tool that runs code, in the formats of several frameworks. */
export interface RunCodeTool extends AsyncDisposable {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments, with only the keywords that all these APIs accept. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /**
   * Carries out a call.
   *
   * @param input the arguments as the model gave them: an object, or its JSON as OpenAI's API passes it
   * @returns also for invalid arguments: the text tells the model what to change
   * @throws the signal's reason if it was aborted before anything was started
   */
  readonly execute: (input: unknown, options?: ExecuteOptions) => Promise<ToolOutput>;
  /** For `tools` of OpenAI's Chat Completions API. */
  readonly openai: {
    readonly type: "function";
    readonly function: {
      readonly name: string;
      readonly description: string;
      readonly parameters: Record<string, unknown>;
    };
  };
  /** For `tools` of OpenAI's Responses API. */
  readonly openaiResponses: {
    readonly type: "function";
    readonly name: string;
    readonly description: string;
    readonly parameters: Record<string, unknown>;
    readonly strict: false;
  };
  /** For `tools` of Anthropic's Messages API. */
  readonly anthropic: {
    readonly name: string;
    readonly description: string;
    readonly input_schema: { readonly type: "object"; readonly [key: string]: unknown };
  };
  /** For `tools` of the Vercel AI SDK, in the format of its `tool()`. */
  readonly aiSdk: {
    readonly description: string;
    readonly inputSchema: StandardSchema<ModelCall>;
    readonly execute: (
      input: ModelCall,
      options?: { readonly abortSignal?: AbortSignal | undefined },
    ) => Promise<ToolOutput>;
    readonly toModelOutput: (given: { readonly output: ToolOutput }) => {
      type: "text" | "error-text";
      value: string;
    };
  };
}

function parsed(input: unknown): unknown {
  if (typeof input !== "string") return input;
  try {
    return JSON.parse(input);
  } catch {
    // Rejected below, as text instead of an object.
    return input;
  }
}

/** Carries out a call in a session. */
async function callSession(
  quartermaster: Quartermaster,
  session: string,
  request: ExecutionRequest,
  signal: AbortSignal | undefined,
): Promise<ToolOutput> {
  const result = await runInSession(quartermaster, session, request, signal);
  const store = await quartermaster.store();
  const [files, shown] = await Promise.all([showFiles(result, store), showDisplays(result, store)]);
  const text = describeCall(session, result, files, shown);
  return { ok: true, text, result: structuredCall(session, result, shown.texts), pictures: shown.pictures };
}

/**
 * Makes the tool that runs code. Nothing is started before its first call.
 *
 * @example
 * ```ts
 * await using tool = runCodeTool();
 * const message = await anthropic.messages.create({ ..., tools: [tool.anthropic] });
 * for (const block of message.content) {
 *   if (block.type === "tool_use") console.log((await tool.execute(block.input)).text);
 * }
 * ```
 */
export function runCodeTool(options: RunCodeToolOptions = {}): RunCodeTool {
  const { name = "run_code", description = runCodeDescription, fixed = {} } = options;
  const { requester = `tool:${name}` } = options;
  const quartermaster = options.quartermaster ?? new Quartermaster();
  const execute: RunCodeTool["execute"] = async (input, { signal, onOutput } = {}) => {
    signal?.throwIfAborted();
    try {
      const given = withoutNulls(modelCallSchema, parsed(input)) as ModelCall;
      parseOrRefuse(modelCallSchema, given, "invalid-request", "arguments");
      const request = { ...requestOfModel(given, requester), ...fixed };
      if (given.session !== undefined) return await callSession(quartermaster, given.session, request, signal);
      const result = await runToEnd(quartermaster, request, { id: given.id, signal, onOutput });
      const files = await showFiles(result, await quartermaster.store());
      return { ok: true, text: describeResult(result, files), result: structuredResult(result) };
    } catch (error) {
      if (signal?.aborted && error === signal.reason) throw error;
      const failure = runFailureOf(error, "");
      return { ok: false, text: describeFailure(failure), failure };
    }
  };
  const parameters = inputJsonSchema(modelCallSchema);
  return {
    name,
    description,
    execute,
    inputSchema: parameters,
    openai: { type: "function", function: { name, description, parameters } },
    openaiResponses: { type: "function", name, description, parameters, strict: false },
    anthropic: { name, description, input_schema: { ...parameters, type: "object" } },
    aiSdk: {
      description,
      inputSchema: standardSchema(modelCallSchema),
      execute: (input, { abortSignal } = {}) => execute(input, { signal: abortSignal }),
      toModelOutput: ({ output: { ok, text } }) => ({ type: ok ? "text" : "error-text", value: text }),
    },
    [Symbol.asyncDispose]: async () => {
      if (!options.quartermaster) await quartermaster.close();
    },
  };
}
