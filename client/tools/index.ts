/**
 * kgents/tools: running code as a tool of language models, in the formats of OpenAI, Anthropic and the Vercel AI SDK. None of
 * them is needed to use it.
 *
 * @module
 */
export type { ModelRequest } from "#core/model-request";
export type { RunFailure as ToolFailure } from "../failure.ts";
export {
  type ExecuteOptions,
  type RunCodeTool,
  type RunCodeToolOptions,
  runCodeTool,
  type ToolOutput,
} from "./run-code-tool.ts";
export type { StandardSchema } from "./standard-schema.ts";
export type { ToolResult } from "./structured-result.ts";
