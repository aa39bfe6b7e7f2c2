import { type Command, InvalidArgumentError } from "commander";
import { shellQuote } from "#core/text/shell-quote";
import { collect } from "../terminal/collect.ts";

/** The flags of `kgents mcp`, as commander reads them. */
export interface McpFlags {
  readonly http?: number;
  readonly host: string;
  readonly allowHost?: string[];
  readonly tokenFile?: string;
  readonly quiet?: true;
  readonly config?: string;
}

const port = (value: string): number => {
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
  throw new InvalidArgumentError("Allowed is a port from 0 (any free port) to 65535.");
};

/** The command that starts this server, for the configuration of a client. */
const ownCommand = [process.execPath, process.argv[1] ?? "kgents", "mcp"]
  .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : shellQuote(word)))
  .join(" ");

const examples = `
Examples:
  $ kgents mcp                                      for a client that starts the server itself
  $ kgents mcp --http 8080                          http://127.0.0.1:8080/mcp, for this machine only
  $ kgents mcp --http 8080 --host 0.0.0.0 --token-file token --allow-host runs.example.com

For Claude Code:
  $ claude mcp add kgents -- ${ownCommand}

For Claude Desktop, VS Code and Cursor, and more: docs/mcp.md.`;

/** Declares `kgents mcp`. */
export function mcpCommand(program: Command, run: (flags: McpFlags) => Promise<void>): void {
  program
    .command("mcp")
    .summary("serve tools that run code, by the Model Context Protocol")
    .description(
      "Serves tools that run code, by the Model Context Protocol, on standard input and output or by Streamable HTTP.",
    )
    .option("--http <port>", "listen for Streamable HTTP on this port", port)
    .option("--host <address>", "the address to listen on; other than loopback requires a token", "127.0.0.1")
    .option("--allow-host <name>", "another host name that clients use for this server (repeatable)", collect)
    .option("--token-file <file>", "a file with the bearer token that clients must send (or set KGENTS_MCP_TOKEN)")
    .option("-q, --quiet", "no messages, except errors")
    .option("--config <file>", "the configuration file")
    .addHelpText("after", examples)
    .action(run);
}
