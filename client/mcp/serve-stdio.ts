import type { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";

/** Maximum size of a message in bytes. A call's code, stdin and files are part of it. */
export const maximumMessageBytes = 16 * 1024 * 1024;

/** A running server. */
export interface Serving {
  /** Resolves when the server has ended. */
  readonly ended: Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Serves MCP on standard input and output until the client closes its end.
 *
 * @param report called with errors in the input; the client gets the error that the protocol defines
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
