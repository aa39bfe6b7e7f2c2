/**
 * kgents/tools: running code as a tool of language models, in the formats of OpenAI, Anthropic and the Vercel AI SDK.
 * It depends on none of their libraries.
 *
 * @module
 */
import "../require-node.ts";

export type { RunFailure as ToolFailure } from "../sdk/failure.ts";
export type { ModelCall, ModelRequest } from "./model-request.ts";
export {
  type ExecuteOptions,
  type RunCodeTool,
  type RunCodeToolOptions,
  runCodeTool,
  type ToolOutput,
} from "./run-code-tool.ts";
export type { Picture } from "./session-call.ts";
export type { StandardSchema } from "./standard-schema.ts";
export type { ToolResult } from "./structured-result.ts";
