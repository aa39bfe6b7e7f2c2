import {
  type CallToolResult,
  CLIENT_INFO_META_KEY,
  type McpServer,
  type ServerContext,
  type ToolAnnotations,
} from "@modelcontextprotocol/server";
import type { z } from "zod";
import { parseOrRefuse } from "#core/contract/refusal";
import { runFailureOf } from "../sdk/failure.ts";
import type { OutputEvent } from "../sdk/output/event.ts";
import { describeFailure } from "../tools/describe-failure.ts";
import { withoutNulls } from "../tools/model-schema.ts";
import { standardSchema } from "../tools/standard-schema.ts";
import type { Calls } from "./calls.ts";
import { tellProgress } from "./progress.ts";
import type { Stack } from "./stack.ts";

/** What the tools of one process share. */
export interface ToolContext {
  readonly stack: Stack;
  readonly calls: Calls;
  readonly configurationFile: string | undefined;
}

/** One call of a tool. */
export interface Call extends ToolContext {
  /** Aborted when the client cancels the call, and when the server ends. */
  readonly signal: AbortSignal;
  /** The requester, for the history of runs. */
  readonly requester: string;
  /** Called with output as it arrives; undefined if the client did not ask for progress. */
  readonly onOutput: ((event: OutputEvent) => void) | undefined;
}

/** A tool: its description for a model, and what it does. */
export interface Tool<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  readonly output: Output;
  readonly annotations: ToolAnnotations;
  readonly call: (input: z.output<Input>, call: Call, given: z.input<Input>) => Promise<Answer<z.output<Output>>>;
}

/** The answer of a tool, for programs and for models. */
export interface Answer<Structured> {
  readonly structured: Structured;
  readonly text: string;
  /** Content that is not text: images, files. */
  readonly more?: CallToolResult["content"];
}

/** Infers the types of a tool. */
export const defineTool = <Input extends z.ZodType, Output extends z.ZodType>(tool: Tool<Input, Output>) => tool;

/** The key of a failure for programs. `structuredContent` may only contain what the output schema describes. */
const failureMetaKey = "kgents.io/failure";

/** An error as a tool result. Many clients do not show a protocol error to the model. */
function failed(error: unknown): CallToolResult {
  const failure = runFailureOf(error, "");
  return {
    content: [{ type: "text", text: describeFailure(failure) }],
    isError: true,
    _meta: { [failureMetaKey]: failure },
  };
}

function requesterOf(server: McpServer, context: ServerContext): string {
  // From version 2026-07-28 on, every request names the client; before, the connection does.
  const envelope: Readonly<Record<string, unknown>> = { ...context.mcpReq.envelope };
  const client = envelope[CLIENT_INFO_META_KEY] ?? server.server.getClientVersion();
  const { name: said } = { ...(client as { name?: unknown } | undefined) };
  const name = String(said ?? "")
    .replaceAll(/[^\x20-\x7e]/g, "?")
    .slice(0, 100);
  return name !== "" ? `mcp:${name}` : "mcp";
}

/** Registers a tool with a server. */
export function registerTool<Input extends z.ZodType, Output extends z.ZodType>(
  server: McpServer,
  tool: Tool<Input, Output>,
  toolContext: ToolContext,
): void {
  const { "~standard": schema } = standardSchema(tool.input);
  const answer = async (given: unknown, context: ServerContext): Promise<CallToolResult> => {
    const input = withoutNulls(tool.input, given ?? {});
    const { progressToken } = context.mcpReq._meta ?? {};
    const progress =
      progressToken === undefined
        ? undefined
        : tellProgress((message) =>
            context.mcpReq.notify({ method: "notifications/progress", params: { progressToken, ...message } }),
          );
    try {
      const checked = parseOrRefuse(tool.input, input, "invalid-request", "arguments");
      const {
        structured,
        text,
        more = [],
      } = await toolContext.calls.run(context.mcpReq.signal, (signal) =>
        tool.call(
          checked,
          { ...toolContext, signal, requester: requesterOf(server, context), onOutput: progress?.output },
          input as z.input<Input>,
        ),
      );
      return {
        content: [{ type: "text", text }, ...more],
        structuredContent: structured as Record<string, unknown>,
      };
    } catch (error) {
      return failed(error);
    } finally {
      progress?.end();
    }
  };
  server.registerTool(
    tool.name,
    {
      title: tool.title,
      description: tool.description,
      // The tool validates the input itself, because its errors name the field and the allowed values.
      inputSchema: { "~standard": { ...schema, validate: (value: unknown) => ({ value }) } },
      outputSchema: tool.output,
      annotations: tool.annotations,
    },
    answer,
  );
}
