import type { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";

/** The largest message in bytes: code, stdin and files of a call stand in it. */
export const maximumMessageBytes = 16 * 1024 * 1024;

/** A server that is being served. */
export interface Serving {
  /** Resolves when there is nobody left to serve. */
  readonly ended: Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Serves MCP on this process's standard input and output, until the client closes its end.
 *
 * @param report told of what is wrong with what came; the client is answered as the protocol has it
 */
export function serveOnStdio(createServer: () => McpServer, report: (error: Error) => void): Serving {
  const transport = new StdioServerTransport(process.stdin, process.stdout, { maxBufferSize: maximumMessageBytes });
  const handle = serveStdio(createServer, { transport, onerror: report });
  const { onclose } = transport;
  const ended = new Promise<void>((resolve) => {
    transport.onclose = () => {
      onclose?.();
      resolve();
    };
  });
  return { ended, close: () => handle.close() };
}
