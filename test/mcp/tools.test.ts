/** Every tool, over both transports and in both eras of the protocol. */
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { CommandLine } from "../support/command-line.ts";
import { type Agent, connectByHttp, connectByStdio, eras, type HttpServer, openTerminal, startHttp, textOf } from "./support.ts";

let terminal: CommandLine;
let server: HttpServer;
beforeAll(async () => {
  terminal = await openTerminal(inject("temporalBinary"));
  server = await startHttp(terminal);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await terminal[Symbol.asyncDispose]();
});

const ways = eras.flatMap((era) => [["stdio", era] as const, ["http", era] as const]);

describe.each(ways)("by %s, as of %s", (transport, era) => {
  let agent: Agent;
  beforeAll(async () => {
    agent = transport === "stdio" ? await connectByStdio(terminal, era) : await connectByHttp(server.url, era);
  });
  afterAll(() => agent[Symbol.asyncDispose]());

  test("try", async () => {
    console.log(JSON.stringify((await agent.client.listTools()).tools, null, 1).slice(0, 9000));
    const r = await agent.call("run_code", { code: "print('hello')" }, { onprogress: (p) => console.log(p) });
    console.log(textOf(r), JSON.stringify(r, null, 1));
    console.log(JSON.stringify(await agent.call("run_code", { code: "print('hello')", timeout: "x" })));
    console.log(agent.stderr());
  });
});
